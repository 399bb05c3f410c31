"""Lossless JPEG (process 14) of 8-bit grey values for pydicom: libjpeg-turbo, from 3 on, decodes it within Pillow.

A pydicom decoder plugin (pydicom guide "Creating pixel data decoder plugins"); viewer.io.dicom.pixels.decode adds it.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, features
from pydicom import uid

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

SYNTAXES = (uid.JPEGLossless, uid.JPEGLosslessSV1)


def is_available(syntax: str) -> bool:
    """True where Pillow has such a libjpeg-turbo."""
    version = features.version("libjpeg_turbo") or "0"
    return syntax in SYNTAXES and int(version.partition(".")[0]) >= 3


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """One decoded frame. Raises what Pillow does, ValueError where the frame holds something else."""
    with Image.open(BytesIO(source), formats=["JPEG"]) as image:
        if image.mode != "L":
            raise ValueError(f"it holds {image.mode}, not 8-bit grey values")
        return image.tobytes()
