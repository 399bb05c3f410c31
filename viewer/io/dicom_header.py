"""What indexing keeps of a DICOM file: raw values of some attributes, where the pixels lie, the facts of each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from viewer.io.dicom_pixels import Pixels
from viewer.io.dicom_values import Values

Vector = tuple[float, float, float]


class Mark(NamedTuple):
    """A sentence for the user and its short form; geometry: it matters only without a position in the patient."""

    sentence: str
    badge: str = ""
    geometry: bool = False


class Frame(NamedTuple):
    """One slice of one time point as its header tells it; None where it does not say. Lengths in mm."""

    number: int  # 0-based in its file
    key: tuple[object, ...]  # frames of one image have equal keys
    kind: tuple[str, ...]  # image (frame) type
    position: Vector | None  # centre of the first pixel, LPS
    orientation: tuple[float, ...] | None  # row and column directions, orthonormal
    spacing: tuple[float, float]  # between rows, between columns
    thickness: float | None
    slope: float
    intercept: float
    unit: str
    windows: tuple[tuple[float, float, str], ...]
    instance: int
    syntax: str
    temporal: float | None = None  # temporal position, counted
    echo: float | None = None  # echo number
    echo_time: float | None = None  # ms
    inversion_time: float | None = None  # ms
    b_value: float | None = None  # s/mm²
    gradient: tuple[float, ...] | None = None  # diffusion direction
    trigger: float | None = None  # ms after the R wave
    seconds: float | None = None  # acquisition time of day, or reference time
    acquisition: float | None = None
    detector: tuple[float, ...] | None = None  # energy window, detector, rotation … of a nuclear medicine frame


@dataclass(frozen=True)
class Header:
    """One scanned file. offset: of the first byte after the pixel element's header, -1 where the data set is deflated.

    marks: what must be said about its pixels wherever they are shown.
    """

    path: str
    size: int
    mtime: float
    values: Values
    syntax: str
    offset: int
    pixels: Pixels
    frames: tuple[Frame, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def series(self) -> str:
        """The Series Instance UID; the path where there is none."""
        return self.values.text(0x0020000E) or self.path
