"""What a reader process says of a file, and of a series; the window's process understands it without parsing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from viewer.data.study import Image, LabelFile


class FileReport(NamedTuple):
    """What a file is: a DICOM header (packed, of series `key`), images, segments, why it is refused, or nothing.

    family: what slices share that may be one series whatever their Series Instance UIDs say; "" for other files.
    """

    key: str = ""
    header: bytes = b""
    images: tuple[Image, ...] = ()
    reason: str = ""
    labels: LabelFile | None = None
    family: str = ""


class SeriesReport(NamedTuple):
    """The images of a series, or why it has none."""

    images: tuple[Image, ...] = ()
    reason: str = ""
