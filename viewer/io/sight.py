"""What a reader process says of a file, and of a series; the window's process understands it without parsing."""

from __future__ import annotations

from typing import NamedTuple

from viewer.data.study import Image


class Sight(NamedTuple):
    """What a file is: a DICOM header (packed, of series `key`), images, a reason for its refusal, or nothing at all."""

    key: str = ""
    header: bytes = b""
    images: tuple[Image, ...] = ()
    reason: str = ""


class Sorted(NamedTuple):
    """The images of a series, or why it has none."""

    images: tuple[Image, ...] = ()
    reason: str = ""
