"""Where the frames of compressed pixels lie (PS3.5 A.4). Runs in a reader process.

The items are walked, each held against the end of the file. Offset tables are asked only where frames have several
fragments: a table that contradicts the items then names none of them.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from viewer.io.dicom.pixels.frame_header import STARTS
from viewer.io.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEM = 0xFFFEE000
UNDEFINED = 0xFFFFFFFF
MOST_FRAGMENTS = 1_000_000
MOST_HEAD = max(map(len, STARTS))


class Fragment(NamedTuple):
    """item: where its item begins in the file; place and length: its bytes."""

    item: int
    place: int
    length: int


Frames = tuple[tuple[Fragment, ...], ...]


def frames_in(file: BinaryIO, count: int) -> Frames:
    """The fragments of each of `count` frames; the file stands at the first item. Raises FrameError.

    Fewer frames than `count` where the file is cut off.
    """
    table, *fragments = _items(file)
    if count == 1:
        return (tuple(fragments),)
    if len(fragments) <= count:
        return tuple((one,) for one in fragments)
    starts = _table_starts(file, table, fragments) or _marked_starts(file, fragments)
    if len(starts) != count or starts[0] != 0:
        raise FrameError(
            f"Its {count:,} compressed frames lie in {len(fragments):,} parts, and neither an offset table nor the "
            "parts tell which belong together; it is damaged."
        )
    return tuple(tuple(fragments[start:stop]) for start, stop in pairwise([*starts, len(fragments)]))


def frame_bytes(file: BinaryIO, frames: Frames, number: int) -> bytes:
    """One compressed frame. Raises FrameError where the file ends before it does."""
    data = bytearray()
    fragments = frames[number] if number < len(frames) else ()
    for one in fragments:
        file.seek(one.place)
        data += file.read(one.length)
    if not data or len(data) != sum(one.length for one in fragments):
        raise FrameError("It ends before its last compressed frame does; copy it again from its source.")
    return bytes(data)


def _items(file: BinaryIO) -> list[Fragment]:
    """All items, the offset table first. Raises FrameError where there is none, or more than any image has."""
    found: list[Fragment] = []
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    while place + 8 <= size:
        file.seek(place)
        group, element, length = struct.unpack("<HHL", file.read(8))
        if group << 16 | element != ITEM or length == UNDEFINED:
            break
        found.append(Fragment(place, place + 8, length))
        place += 8 + length
        if len(found) > MOST_FRAGMENTS:
            raise FrameError(f"Its compressed pixels lie in more than {MOST_FRAGMENTS:,} parts; it is damaged.")
    if len(found) < 2:
        raise FrameError("Its compressed pixels are missing or damaged: no frame begins where its header ends.")
    return found


def _table_starts(file: BinaryIO, table: Fragment, fragments: Sequence[Fragment]) -> list[int]:
    """The first fragment of each frame by the Basic Offset Table; [] where it is empty or names no fragments."""
    file.seek(table.place)
    data = file.read(min(table.length, 4 * MOST_FRAGMENTS))
    offsets = struct.unpack(f"<{len(data) // 4}L", data[: len(data) // 4 * 4])
    items = [one.item - fragments[0].item for one in fragments]
    starts = [bisect_left(items, offset) for offset in offsets]
    named = all(start < len(items) and items[start] == offset for start, offset in zip(starts, offsets, strict=True))
    return starts if named and all(one < other for one, other in pairwise(starts)) else []


def _marked_starts(file: BinaryIO, fragments: Sequence[Fragment]) -> list[int]:
    """The fragments that begin as a JPEG or JPEG 2000 image does."""
    found = []
    for number, one in enumerate(fragments):
        file.seek(one.place)
        if file.read(min(one.length, MOST_HEAD)).startswith(STARTS):
            found.append(number)
    return found
