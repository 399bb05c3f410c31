"""Compressed frames that pydicom's decoders do not know: deflated ones, and run lengths of one bit a pixel.

Deflated Image Frame Compression (PS3.5 8.2.16 and A.4.13, Supplement 244) is the native bytes of each frame (RFC 1951),
bits packed. RLE Lossless (annex G) speaks of bytes only, and of one bit a pixel programs write both: a byte for each
pixel, or packed bits. How many bytes there are tells which; a frame of any other length is refused.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.io.dicom.pixels.frame_header import RLE_HEAD
from viewer.io.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import uid

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"  # which pydicom 3.0 does not know
NO_RUN = 128  # a head that stands for nothing
DAMAGED = "A compressed frame is damaged, or does not hold as many pixels as its header says."


def is_encapsulated(syntax: uid.UID) -> bool:
    """Whether frames lie in items (PS3.5 A.4). Raises ValueError where it is no transfer syntax that is known."""
    return bool(syntax == DEFLATED_FRAMES or syntax.is_encapsulated)


def inflate(frame: bytes, rows: int, columns: int, bits: int) -> NDArray[Any]:
    """Stored values [row, column] of 1, 8 or 16 bits. Raises FrameError.

    No more is unpacked than the frame may have, whatever it claims.
    """
    need = -(-rows * columns * bits // 8)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(frame, need + 2)
    except zlib.error as error:
        raise FrameError(DAMAGED) from error
    if not inflater.eof or len(data) not in (need, need + need % 2) or bits not in (1, 8, 16):
        raise FrameError(DAMAGED)
    if bits == 1:
        return _bits(data, rows, columns)
    return np.frombuffer(data, f"<u{bits // 8}", rows * columns).reshape(rows, columns)


def run_bits(frame: bytes, rows: int, columns: int) -> NDArray[np.uint8]:
    """Pixels [row, column] of one bit, in a byte each, from RLE Lossless. Raises FrameError."""
    if len(frame) < RLE_HEAD or struct.unpack_from("<2L", frame) != (1, RLE_HEAD):
        raise FrameError(DAMAGED)
    data = _decode_runs(frame[RLE_HEAD:], rows * columns)
    if len(data) == rows * columns:
        return np.frombuffer(data, np.uint8).reshape(rows, columns)
    if len(data) == -(-rows * columns // 8):
        return _bits(data, rows, columns)
    raise FrameError(DAMAGED)


def _bits(data: bytes, rows: int, columns: int) -> NDArray[np.uint8]:
    """The first pixel is the lowest bit (PS3.5 8.1.1)."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=rows * columns, bitorder="little")
    return bits.reshape(rows, columns)


def _decode_runs(data: bytes, most: int) -> bytes:
    """What run lengths stand for (annex G.3.2), little more than `most` bytes of it. A last odd byte fills up."""
    made, at = bytearray(), 0
    while at + 1 < len(data) and len(made) <= most:
        head = data[at]
        if head < NO_RUN:
            made += data[at + 1 : at + 2 + head]
            at += 2 + head
        elif head == NO_RUN:
            at += 1
        else:
            made += data[at + 1 : at + 2] * (257 - head)
            at += 2
    return bytes(made)
