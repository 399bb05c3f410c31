"""What a compressed frame says of itself, held against the DICOM header before any decoder sees it.

Decoders believe the frame: one of another size ends the process in some of them, or takes gigabytes. Runs in a reader
process. JPEG: ITU-T T.81 annex B; JPEG-LS: T.87 annex C; JPEG 2000 and HTJ2K: T.800 annex A; RLE: PS3.5 annex G.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import NamedTuple

from pydicom import uid

from viewer.io.errors import OpenError

JPEG_START, JPEG_2000_START = b"\xff\xd8", b"\xff\x4f\xff\x51"
STARTS = (b"\xff\xd8\xff", JPEG_2000_START, b"\0\0\0\x0cjP  ")  # JPEG, its codestream alone, JP2
JPEG_2000 = (*uid.JPEG2000TransferSyntaxes, uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL)
FRAME_STARTS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # SOF markers
ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a length
SCAN_START, IMAGE_END, PRESET, BIG_SIZE = 0xDA, 0xD9, 0xF8, 4
RLE_HEAD = 64
RLE_RATIO = 64  # unpacked to packed bytes: two bytes stand for 128 at most
CUT = "Its pixels ({}) cannot be decoded: a frame is cut off or damaged in its own header."


class FrameSize(NamedTuple):
    """bits: of a sample."""

    rows: int
    columns: int
    samples: int
    bits: int


def check_frame(frame: bytes, syntax: str, size: FrameSize) -> tuple[bytes, int]:
    """The frame without what may stand before its codestream (JP2 boxes), and the bits of its samples.

    size: what the DICOM header says; its bits are those allocated. Raises OpenError where the frame is of another size.
    """
    if syntax in JPEG_2000:
        frame = frame[max(0, frame.find(JPEG_2000_START)) :]
    try:
        if syntax == uid.RLELossless:
            _check_rle(frame, size)
            return frame, size.bits
        own = _jpeg_2000(frame) if syntax in JPEG_2000 else _jpeg(frame)
    except struct.error as error:
        raise OpenError(CUT.format(uid.UID(syntax).name)) from error
    if own[:3] != size[:3]:
        raise OpenError(
            f"Its header says {_shape(size)} but a compressed frame has {_shape(own)}; "
            "it is damaged and was not decoded."
        )
    whole = syntax in JPEG_2000 or syntax in uid.JPEGLSTransferSyntaxes  # their decoders choose the type by the frame
    if not 0 < own.bits <= size.bits or (not whole and size.bits != (8 if own.bits <= 8 else 16)):
        raise OpenError(
            f"Its header says {size.bits} bits a sample but a compressed frame has {own.bits}; "
            "it is damaged and was not decoded."
        )
    return frame, own.bits


def _shape(size: FrameSize) -> str:
    many = f" of {size.samples} samples" if size.samples != 1 else ""
    return f"{size.rows} rows and {size.columns} columns{many}"


def _jpeg(frame: bytes) -> FrameSize:
    """From the one frame header before the first scan. Raises OpenError, struct.error."""
    if not frame.startswith(JPEG_START):
        raise OpenError("Its compressed pixels are no JPEG, as its header says; it is damaged and was not decoded.")
    found: list[FrameSize] = []
    at = 2
    while True:
        mark, code = struct.unpack_from(">BB", frame, at)
        if mark != 0xFF:
            raise struct.error("no marker")
        if code == 0xFF or code in ALONE:
            at += 1 if code == 0xFF else 2
            continue
        if code in (SCAN_START, IMAGE_END):
            break
        (length,) = struct.unpack_from(">H", frame, at + 2)
        if code in FRAME_STARTS:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            found.append(FrameSize(rows, columns, samples, bits))
        if length < 2 or (code == PRESET and frame[at + 4 : at + 5] == bytes([BIG_SIZE])):
            raise struct.error("no valid marker segment")
        at += 2 + length
    if len(found) != 1:
        raise OpenError(f"A compressed frame has {len(found)} sizes, not one; it is damaged and was not decoded.")
    return found[0]


def _jpeg_2000(frame: bytes) -> FrameSize:
    """From the SIZ segment, which comes first. Raises OpenError, struct.error."""
    if not frame.startswith(JPEG_2000_START):
        raise OpenError("Its compressed pixels are no JPEG 2000, as its header says; it was not decoded.")
    right, bottom, left, top, *_, samples = struct.unpack_from(">8LH", frame, 8)
    parts = [struct.unpack_from(">BBB", frame, 42 + 3 * n) for n in range(min(samples, 4))]
    if any((across, down) != (1, 1) for _, across, down in parts):
        raise OpenError("Its JPEG 2000 samples differ in size, which DICOM does not have; it was not decoded.")
    bits = max(((depth & 0x7F) + 1 for depth, _, _ in parts), default=0)
    return FrameSize(bottom - top, right - left, samples, bits)


def _check_rle(frame: bytes, size: FrameSize) -> None:
    """The segments that its head names lie in the frame, in order, and are long enough for its pixels."""
    if len(frame) < RLE_HEAD:
        raise struct.error("no head")
    count, *offsets = struct.unpack_from("<16L", frame)
    wanted = size.samples * max(1, size.bits // 8)
    if count != wanted or count > len(offsets):
        raise OpenError(
            f"Its RLE frame has {count:,} parts where {wanted} belong to its pixels; it is damaged and was not decoded."
        )
    ends = [*offsets[:count], len(frame)]
    lengths = [end - start for start, end in pairwise(ends)]
    if ends[0] != RLE_HEAD or 8 * min(lengths) * RLE_RATIO < size.rows * size.columns * min(size.bits, 8):
        raise OpenError(
            f"Its RLE frame is too short for {_shape(size)}, or its parts lie outside of it; "
            "it is damaged and was not decoded."
        )
