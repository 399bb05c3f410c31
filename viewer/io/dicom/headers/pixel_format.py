"""How pixels are stored in a DICOM file (PS3.3 C.7.6.3), checked against the file before anyone allocates for them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from viewer.io.errors import ScanError

if TYPE_CHECKING:
    from viewer.io.dicom.attributes.values import Values

FLOAT_PIXELS, DOUBLE_PIXELS, PIXELS = 0x7FE00008, 0x7FE00009, 0x7FE00010

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
NATIVE = (IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN)

MAX_FRAMES = 100_000


class Pixels(NamedTuple):
    """The pixel format of a file. stored: numpy dtype of a raw sample; loaded: that of the image in memory.

    frame_bytes: bytes of one raw frame, 0 where frames must be decoded one by one.
    mosaic: rows and columns of the stored picture that all frames are cut out of; None where they are stored apart.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    stored: str
    loaded: str
    bits_stored: int
    high_bit: int
    photometric: str
    modality_lut: bool
    frame_bytes: int
    mosaic: tuple[int, int] | None = None

    @property
    def color(self) -> bool:
        """Whether a pixel is a colour: three samples, or an index into a palette."""
        return self.samples == 3 or self.photometric == "PALETTE COLOR"


def pixels_of(values: Values, tag: int, length: int, remaining: int, syntax: str) -> Pixels:
    """The format of the pixels in element `tag`, of `length` bytes (-1: encapsulated).

    remaining: bytes of the file from the start of the element's value on. Raises ScanError where the header contradicts
    itself or the file.
    """
    rows, columns = values.short(0x00280010), values.short(0x00280011)
    samples = values.short(0x00280002, 1)
    photometric = values.text(0x00280004).upper() or ("RGB" if samples == 3 else "MONOCHROME2")
    bits = values.short(0x00280100, {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}.get(tag, 16))
    if rows < 1 or columns < 1:
        raise ScanError("This DICOM file has pixels but no valid numbers of rows and columns; it cannot be shown.")
    if samples not in (1, 3) or bits not in (1, 8, 16, 32, 64):
        raise ScanError(f"This DICOM file has {samples} samples of {bits} bits a pixel; that cannot be shown.")
    frames = max(1, int(values.number(0x00280008) or 1))
    frame_bits = rows * columns * samples * bits
    if photometric == "YBR_FULL_422" and length >= 0:
        frame_bits = frame_bits * 2 // 3
    _check_room(frames, frame_bits, length, remaining)
    _check_syntax(syntax, length)
    stored = _stored_dtype(values, tag, bits)
    color = samples == 3 or photometric == "PALETTE COLOR"
    lut = 0x00283000 in values.items and not color
    loaded = "uint8" if color or bits == 1 else "uint16" if lut else _loaded_dtype(stored)
    raw = length >= 0 and syntax != DEFLATED and _is_plain(values, bits, samples, photometric)
    kept = min(values.short(0x00280101, bits) or bits, bits)
    high = min(max(values.short(0x00280102, kept - 1), kept - 1), bits - 1)
    size = frame_bits // 8 if raw else 0
    return Pixels(rows, columns, frames, samples, stored, loaded, kept, high, photometric, lut, size)


def padding_range(values: Values, pixels: Pixels) -> tuple[float | None, float | None]:
    """Pixel Padding Value and Pixel Padding Range Limit (PS3.3 C.7.5.1.1.2), as stored; None where not told."""
    value, limit = (
        float(values.short(tag, signed=pixels.stored[1] == "i")) if tag in values.raw else None
        for tag in (0x00280120, 0x00280121)
    )
    return value, limit


def _check_room(frames: int, frame_bits: int, length: int, remaining: int) -> None:
    """The pixels that the header promises must be able to lie in the file."""
    if length < 0 and frames > remaining // 8:  # every compressed frame has an item header of 8 bytes
        raise ScanError(f"This DICOM file claims {frames:,} frames, more than it can hold; it is damaged or cut off.")
    promised, there = -(-frames * frame_bits // 8), min(length, remaining)
    if 0 <= there < promised:
        raise ScanError(
            f"This DICOM file is truncated: {there:,} of {promised:,} bytes of pixels are there; "
            "copy it again from its source."
        )
    if frames > MAX_FRAMES:
        raise ScanError(f"This DICOM file has {frames:,} frames; more than {MAX_FRAMES:,} cannot be shown.")


def _check_syntax(syntax: str, length: int) -> None:
    if syntax in NATIVE:
        if length < 0:
            raise ScanError("This DICOM file has compressed pixels but does not say how; it cannot be decoded.")
    elif not re.fullmatch(r"[0-9.]{1,64}", syntax):
        raise ScanError("This DICOM file names no valid transfer syntax; it is damaged.")
    elif name := _undecodable(syntax):
        raise ScanError(f"The pixels are stored as {name}, which cannot be decoded; convert the file first.")


@lru_cache(maxsize=64)
def _undecodable(syntax: str) -> str:
    """The name of a compressed transfer syntax that cannot be decoded here; "" of one that can."""
    from pydicom.pixels.decoders.base import get_decoder  # slow to import, needed for compressed files only
    from pydicom.uid import UID

    try:
        available = get_decoder(UID(syntax)).is_available
    except NotImplementedError:
        available = False
    return "" if available else UID(syntax).name


def _stored_dtype(values: Values, tag: int, bits: int) -> str:
    if bits in (1, 8) and tag == PIXELS:
        return "|i1" if bits == 8 and values.short(0x00280103) else "|u1"
    letter = "f" if tag != PIXELS else "i" if values.short(0x00280103) else "u"
    return f"{'>' if values.big_endian else '<'}{letter}{bits // 8}"


def _loaded_dtype(stored: str) -> str:
    kind = {"u": "uint", "i": "int", "f": "float"}[stored[1]]
    return f"{kind}{8 * int(stored[2:])}"


def _is_plain(values: Values, bits: int, samples: int, photometric: str) -> bool:
    """True where the raw bytes are the pixels as they are loaded, byte order aside."""
    if 0x00283000 in values.items or bits == 1:
        return False
    if bits == 8 and values.big_endian:  # in pairs of swapped bytes where the VR is OW (PS3.5 A.3)
        return False
    if samples == 3:
        return photometric == "RGB" and bits == 8 and values.short(0x00280006) == 0
    return photometric.startswith("MONOCHROME")
