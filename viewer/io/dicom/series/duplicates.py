"""Which frames are the same image twice: only these are left out. Reads pixels where headers cannot tell."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from viewer.data.notice import Notice
from viewer.io.archive import Stamp, open_unchanged, unpack
from viewer.io.errors import OpenError
from viewer.io.work_item import keep_alive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.io.dicom.headers.header import Frame, FrameSet, Header

INSTANCE_UID = 0x00080018
BLOCK = 1 << 20


def without_copies(headers: Sequence[Header], frame_set: FrameSet) -> FrameSet:
    """Leave out a frame whose facts and pixels equal those of another one; where pixels cannot be compared, its UID."""
    alike: dict[object, list[int]] = {}
    for n, (owner, frame) in enumerate(zip(frame_set.owners, frame_set.frames, strict=True)):
        alike.setdefault(_facts(frame, _uid(headers[owner], frame)), []).append(n)
    kept = sorted(n for group in alike.values() for n in _distinct(headers, frame_set, group))
    left = frame_set.take(kept)
    uids = Counter(_uid(headers[frame_set.owners[n]], frame_set.frames[n]) for n in kept)
    if any(count > 1 and uid[0] for uid, count in uids.items()):
        sentence = "Several different slices have one SOP Instance UID; references to them may fail."
        left = left.noted(Notice("repeated-instance-uid", sentence))
    count = len(frame_set.frames) - len(kept)
    if count:
        words = "duplicate slice is" if count == 1 else "duplicate slices are"
        left = left.noted(Notice("duplicates", f"{count} {words} left out: the same image is there already."))
    return left


def _uid(header: Header, frame: Frame) -> tuple[str, int]:
    """SOP Instance UID and number of a frame."""
    return header.values.text(INSTANCE_UID), frame.number


def _facts(frame: Frame, uid: object) -> object:
    """What frames must share to be one image: all but numbers, and when it was made; without a place, the UID."""
    seconds = None if frame.seconds == frame.created else frame.seconds
    alike = frame._replace(number=0, instance=0, syntax="", seconds=seconds, created=None)
    return (alike, uid, frame.instance) if frame.position is None and frame.location is None else alike


def _distinct(headers: Sequence[Header], frame_set: FrameSet, alike: list[int]) -> list[int]:
    """Of frames with equal facts, one of each image."""
    if len(alike) == 1:
        return alike
    seen: set[object] = set()
    kept = []
    for n in alike:
        header, frame = headers[frame_set.owners[n]], frame_set.frames[n]
        same: object = _digest(header, frame.number) or _uid(header, frame)
        if same not in seen:
            kept.append(n)
        seen.add(same)
    return kept


def _digest(header: Header, number: int) -> tuple[str, bytes] | None:
    """Transfer syntax and SHA-256 of a frame's stored bytes; None where they cannot be told apart or read.

    Slices of a mosaic are told apart by the whole picture.
    """
    pixels = header.pixels
    stored = 0 if pixels.mosaic else number
    if header.offset < 0 or (pixels.frames > 1 and not pixels.mosaic and not pixels.frame_bytes):
        return None
    start = header.offset + stored * pixels.frame_bytes
    length = pixels.frame_bytes or header.size - start
    try:
        return header.syntax, _sha256(header.path, header.stamp, start, length)
    except (OSError, OpenError):
        return None  # loading will say what is wrong with the file


@lru_cache(maxsize=1 << 16)
def _sha256(path: str, stamp: Stamp | None, start: int, length: int) -> bytes:
    digest = hashlib.sha256()
    with unpack(open_unchanged(path, stamp)) as file:
        file.seek(start)
        while length > 0 and (block := file.read(min(length, BLOCK))):
            digest.update(block)
            length -= len(block)
            keep_alive()
    return digest.digest()
