"""JPEG Extended with 12 bits a sample (process 4) for pydicom: GDCM decodes it, pydicom's own plugin does not ask.

A pydicom decoder plugin (pydicom guide "Creating pixel data decoder plugins"); viewer.io.dicom.pixels.decode adds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import gdcm
from pydicom import uid

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner


def is_available(syntax: str) -> bool:
    """True for the one transfer syntax that is decoded here."""
    return syntax == uid.JPEGExtended12Bit


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """One decoded frame. Raises ValueError where GDCM cannot."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(source)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(runner.photometric_interpretation)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(runner.transfer_syntax))))
    bits = runner.bits_stored
    image.SetPixelFormat(
        gdcm.PixelFormat(runner.samples_per_pixel, runner.bits_allocated, bits, bits - 1, runner.pixel_representation)
    )
    pixels = cast("bytes", image.GetBuffer().encode("utf-8", "surrogateescape"))  # GDCM gives char* as str
    if len(pixels) != runner.frame_length(unit="bytes"):
        raise ValueError("GDCM decoded another number of pixels than the header says")
    return pixels
