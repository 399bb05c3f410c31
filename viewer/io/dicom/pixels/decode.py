"""Decode compressed, packed, palette and YBR pixels with pydicom's decoders. Runs in a reader process."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.errors import BytesLengthException
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options, iter_pixels
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian

from viewer.io.archive import Stamp, open_unchanged, unpack
from viewer.io.dicom.headers.pixel_format import DEFLATED
from viewer.io.dicom.pixels import jpeg_lossless8
from viewer.io.dicom.pixels.encapsulation import Frames, frame_bytes, frames_in
from viewer.io.dicom.pixels.frame_bits import DEFLATED_FRAMES, inflate, is_encapsulated, run_bits
from viewer.io.dicom.pixels.frame_header import FrameSize, check_frame
from viewer.io.dicom.pixels.lookup_tables import apply_modality_table, apply_palette
from viewer.io.dicom.pixels.stored_bits import significant_bits
from viewer.io.errors import DAMAGE, FrameError, OpenError
from viewer.io.work_item import begin_item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from viewer.io.read_plan import Plan

log = logging.getLogger(__name__)

FAULTS = (
    *DAMAGE,
    BytesLengthException,
)  # what pydicom raises at damaged or unknown pixels; a Rust panic or exit of a decoder is no Exception
WANTED = [Tag(0x00280000 + element) for element in (*range(0x2, 0x122), *range(0x1101, 0x1224), 0x3000)]
UNDECODED = "Its pixels ({}) cannot be decoded: they are damaged or of a variant that no decoder here knows."

get_decoder(uid.JPEGExtended12Bit).add_plugin("gdcm, 12 bits", ("viewer.io.dicom.pixels.jpeg12", "decode_frame"))
for lossless in jpeg_lossless8.SYNTAXES:
    get_decoder(lossless).add_plugin("pillow, 8 bits", ("viewer.io.dicom.pixels.jpeg_lossless8", "decode_frame"))

# Which of pydicom's plugins decode a transfer syntax, in this order. GDCM, which ends the process at what it does not
# expect and has a leak that is not mended (CVE-2026-3650), only where nothing else decodes.
DECODERS = {
    uid.JPEGBaseline8Bit: ("pillow",),
    uid.JPEGExtended12Bit: ("pillow", "gdcm, 12 bits"),
    uid.JPEGLossless: ("gdcm",),
    uid.JPEGLosslessSV1: ("gdcm",),
    uid.JPEGLSLossless: ("pyjpegls",),
    uid.JPEGLSNearLossless: ("pyjpegls",),
    uid.JPEG2000Lossless: ("pylibjpeg",),
    uid.JPEG2000: ("pylibjpeg",),
    uid.HTJ2K: ("pylibjpeg",),
    uid.HTJ2KLossless: ("pylibjpeg",),
    uid.HTJ2KLosslessRPCL: ("pylibjpeg",),
    uid.RLELossless: ("pylibjpeg",),
}
GDCM_ONLY = [syntax for syntax, plugins in DECODERS.items() if any("gdcm" in plugin for plugin in plugins)]


@dataclass(frozen=True)
class _Head:
    """A header's image module, the file's own transfer syntax, pydicom's options, and where the pixels are.

    start: of native pixels. frames: of compressed ones. options is empty where the data set is deflated: it then holds
    the pixels too.
    """

    dataset: Dataset
    syntax: uid.UID
    options: dict[str, Any]
    start: int = -1
    frames: Frames = ()


def decode(plan: Plan, number: int, frame: int) -> NDArray[Any]:
    """Frame `frame` of the plan's file `number`: stored values [j, i], or [j, i, 3] uint8 RGB.

    Raises FrameError with one sentence where no decoder can, OpenError where the file is not what was indexed.
    """
    path, stamp = plan.files[number], plan.stamps[number]
    try:
        head = _head(path, stamp, plan.transfer_syntax)
        with unpack(open_unchanged(path, stamp)) as file:
            pixels = _to_loaded(_decode_frame(head, file, frame), plan, head)
    except (OpenError, MemoryError):
        raise
    except (*FAULTS, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # the drive's, not pydicom's
        raise FrameError(UNDECODED.format(uid.UID(plan.transfer_syntax).name)) from error
    if pixels.shape[:2] != plan.stored_size:
        raise FrameError("Its header tells two sizes of its pixels; it is damaged.")
    return pixels


@lru_cache(maxsize=1)
def _head(path: str, stamp: Stamp | None, syntax: str) -> _Head:
    """Parse a file's image module once, whatever the number of its frames."""
    with unpack(open_unchanged(path, stamp)) as file:
        if syntax == DEFLATED:
            return _Head(pydicom.dcmread(file, force=True), uid.UID(syntax), {})
        header = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=WANTED)
        vr = file.read(6)[4:]
        explicit = vr.isalpha()
        file.seek(6 if explicit else 2, 1)
        own = uid.UID(header.file_meta.get("TransferSyntaxUID", syntax))
        options = as_pixel_options(header, transfer_syntax_uid=own, pixel_keyword="PixelData")
        options["pixel_vr"] = vr.decode() if explicit else "OW"
        start = file.tell()
        frames = frames_in(file, int(options["number_of_frames"])) if own.is_encapsulated else ()
        return _Head(header, own, options, start, frames)


def _decode_frame(head: _Head, file: BinaryIO, frame: int) -> NDArray[Any]:
    decoder = get_decoder(head.syntax)
    if head.syntax.is_encapsulated:
        return decode_bytes(frame_bytes(file, head.frames, frame), head.syntax, head.options)
    if not head.options:
        found = decoder.iter_array(head.dataset, indices=[frame], **as_pixel_options(head.dataset))
    else:
        file.seek(head.start)
        found = decoder.iter_array(file, indices=[frame], **head.options)
    pixels, _ = next(found)
    return pixels


def decode_bytes(frame: bytes, syntax: uid.UID, options: Mapping[str, Any]) -> NDArray[Any]:
    """A compressed frame [j, i] or [j, i, 3]. options: pydicom's, of the data set. Raises FrameError.

    This is the door at which whatever a decoder raises ends.
    """
    size = FrameSize(*(int(options[name]) for name in ("rows", "columns", "samples_per_pixel", "bits_allocated")))
    try:
        frame, bits = check_frame(frame, syntax, size)
    except OpenError as error:
        raise FrameError(str(error)) from error
    alone = encapsulate([frame], has_bot=False)
    one = {**options, "number_of_frames": 1}
    if syntax in GDCM_ONLY:  # which ends the process where a frame has more bits than it is told
        one["bits_stored"] = max(bits, int(options["bits_stored"]))
    for plugin in _plugins(syntax, size.samples, bits):
        try:
            pixels, _ = get_decoder(syntax).as_array(alone, index=0, decoding_plugin=plugin, **one)
            return pixels
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # noqa: BLE001
            log.info("%s did not decode a frame: %s", plugin, type(error).__name__)
    raise FrameError(UNDECODED.format(syntax.name))


def _plugins(syntax: uid.UID, samples: int, bits: int) -> tuple[str, ...]:
    """Of DECODERS; GDCM is spared lossless frames that Pillow decodes, damaged ones above all."""
    if samples == 1 and bits == 8 and jpeg_lossless8.is_available(syntax):
        return ("pillow, 8 bits",)
    return DECODERS.get(syntax, ())


def frames_of_dataset(ds: Dataset) -> Iterator[NDArray[Any]]:
    """All frames of a data set that was read whole. Raises FAULTS, of which OpenError speaks for itself.

    A decoder gets no more time for a frame of it than for one of an image (work_item.begin_item).
    """
    syntax = ds.file_meta.TransferSyntaxUID
    if not is_encapsulated(syntax):
        yield from iter_pixels(ds)
        return
    options, file = as_pixel_options(ds), BytesIO(ds.PixelData)
    rows, columns, bits = (int(options[name]) for name in ("rows", "columns", "bits_allocated"))
    frames = frames_in(file, int(options["number_of_frames"]))
    for number in range(len(frames)):
        frame = frame_bytes(file, frames, number)
        begin_item(number + 1, rows * columns * max(1, bits // 8))
        if syntax == DEFLATED_FRAMES:
            pixels = inflate(frame, rows, columns, bits)
        elif syntax == uid.RLELossless and bits == 1:
            pixels = run_bits(frame, rows, columns)
        else:
            pixels = decode_bytes(frame, syntax, options)
        begin_item(0)
        yield pixels


def _to_loaded(pixels: NDArray[Any], plan: Plan, head: _Head) -> NDArray[Any]:
    """Colours to 8-bit RGB, the modality LUT applied, no foreign bits."""
    if pixels.ndim == 3:
        return pixels if pixels.dtype == np.uint8 else (pixels >> max(0, plan.bits_stored - 8)).astype(np.uint8)
    if not head.syntax.is_encapsulated or head.syntax == uid.RLELossless:
        pixels = significant_bits(pixels, plan)
    if plan.photometric == "PALETTE COLOR":
        return apply_palette(pixels, head.dataset, big_endian=head.syntax == ExplicitVRBigEndian)
    if plan.modality_lut:
        return apply_modality_table(pixels, head.dataset, big_endian=head.syntax == ExplicitVRBigEndian)
    return pixels
