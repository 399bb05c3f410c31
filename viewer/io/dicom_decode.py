"""Decode compressed, packed, palette and YBR pixels with pydicom's decoders. Runs in a reader process."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRBigEndian, JPEGExtended12Bit, RLELossless

from viewer.io.contents import Stamp, open_unchanged, unpacked
from viewer.io.dicom_lookup import apply_modality_table, apply_palette
from viewer.io.dicom_pixels import DEFLATED
from viewer.io.failure import OpenError
from viewer.io.plan import Plan
from viewer.io.significant import significant

# What a decoder raises at damaged or unknown pixels.
FAULTS = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError, EOFError, struct.error)
WANTED = [Tag(0x00280000 + element) for element in (*range(0x2, 0x122), *range(0x1101, 0x1224), 0x3000)]
OFFSETS = [Tag(0x7FE00001), Tag(0x7FE00002)]
ITEM = 0xFFFEE000

get_decoder(JPEGExtended12Bit).add_plugin("gdcm, 12 bits", ("viewer.io.dicom_jpeg12", "decode_frame"))


@dataclass(frozen=True)
class _Head:
    """A header's image module, the file's own transfer syntax, pydicom's options, and where the pixels begin.

    options is empty where the data set is deflated: it then holds the pixels too.
    """

    dataset: Dataset
    syntax: UID
    options: dict[str, Any]
    start: int


def decode(plan: Plan, number: int, frame: int) -> NDArray[Any]:
    """Frame `frame` of the plan's file `number`: stored values [j, i], or [j, i, 3] uint8 RGB.

    Raises OpenError with one sentence where no decoder can.
    """
    path, stamp = plan.files[number], plan.stamps[number]
    try:
        head = _head(path, stamp, plan.transfer_syntax)
        with unpacked(open_unchanged(path, stamp)) as file:
            pixels = _frame(head, file, frame)
        return _finished(pixels, plan, head)
    except OpenError:
        raise
    except FAULTS as error:
        name = UID(plan.transfer_syntax).name
        raise OpenError(
            f"Its pixels ({name}) cannot be decoded: they are damaged or of a variant that no decoder here knows."
        ) from error


@lru_cache(maxsize=1)
def _head(path: str, stamp: Stamp | None, syntax: str) -> _Head:
    """Parse a file's image module once, whatever the number of its frames."""
    with unpacked(open_unchanged(path, stamp)) as file:
        if syntax == DEFLATED:
            return _Head(pydicom.dcmread(file, force=True), UID(syntax), {}, -1)
        header = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=[*WANTED, *OFFSETS])
        vr = file.read(6)[4:]
        explicit = vr.isalpha()
        file.seek(6 if explicit else 2, 1)
        own = UID(header.file_meta.get("TransferSyntaxUID", syntax))
        options = as_pixel_options(header, transfer_syntax_uid=own, pixel_keyword="PixelData")
        options["pixel_vr"] = vr.decode() if explicit else "OW"
        if own.is_encapsulated and int(options["number_of_frames"]) > 1:
            options.update(_offsets(file, int(options["number_of_frames"])))
        return _Head(header, own, options, file.tell())


def _offsets(file: BinaryIO, frames: int) -> dict[str, Any]:
    """An offset table for pixels without one, where each frame is one fragment: no frame must then be searched for."""
    start = file.tell()
    found: list[tuple[int, int]] = []
    place = start
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", head)
        if group << 16 | element != ITEM or length == 0xFFFFFFFF:
            break
        found.append((place, length))
        place += 8 + length
        file.seek(place)
    file.seek(start)
    if len(found) != frames + 1 or found[0][1]:
        return {}
    first = found[1][0]
    return {"extended_offsets": ([place - first for place, _ in found[1:]], [length for _, length in found[1:]])}


def _frame(head: _Head, file: BinaryIO, frame: int) -> NDArray[Any]:
    decoder = get_decoder(head.syntax)
    if not head.options:
        found = decoder.iter_array(head.dataset, indices=[frame], **as_pixel_options(head.dataset))
    else:
        file.seek(head.start)
        found = decoder.iter_array(file, indices=[frame], **head.options)
    pixels, _ = next(found)
    return pixels


def _finished(pixels: NDArray[Any], plan: Plan, head: _Head) -> NDArray[Any]:
    """Colours to 8-bit RGB, the modality LUT applied, no foreign bits."""
    if pixels.ndim == 3:
        return pixels if pixels.dtype == np.uint8 else (pixels >> max(0, plan.bits_stored - 8)).astype(np.uint8)
    if not head.syntax.is_encapsulated or head.syntax == RLELossless:
        pixels = significant(pixels, plan)
    if plan.photometric == "PALETTE COLOR":
        return apply_palette(pixels, head.dataset, big_endian=head.syntax == ExplicitVRBigEndian)
    if plan.modality_lut:
        return apply_modality_table(pixels, head.dataset, big_endian=head.syntax == ExplicitVRBigEndian)
    return pixels
