"""What indexing keeps of a DICOM file: raw values of some attributes, where the pixels lie, the facts of each frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.data.notice import Notice
    from viewer.io.archive import Stamp
    from viewer.io.dicom.attributes.values import Values
    from viewer.io.dicom.headers.pixel_format import Pixels
    from viewer.io.dicom.headers.suv import Tracer

Vector = tuple[float, float, float]


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
    gradient: Vector | None = None  # diffusion direction, unit vector
    trigger: float | None = None  # ms after the R wave
    seconds: float | None = None  # when it was acquired, or its reference time, s (attributes.dates)
    created: float | None = None  # Content Date and Time, s (attributes.dates)
    acquisition: float | None = None
    sided: bool = True  # False where the position is not one in a patient
    detector: tuple[float, ...] | None = None  # energy window, detector, rotation … of a nuclear medicine frame
    location: float | None = None  # Slice Location, mm
    between: float | None = None  # Spacing Between Slices, mm
    frame_of_reference: str = ""
    stored: str = ""  # numpy dtype of its raw pixels
    doubts: tuple[Notice, ...] = ()  # what its header leaves open or tells wrongly


@dataclass(frozen=True)
class FrameSet:
    """Frames that may share an image: the index of the header each comes from, the frames, what must be said."""

    owners: tuple[int, ...]
    frames: tuple[Frame, ...]
    notices: tuple[Notice, ...] = ()
    label: str = ""  # what tells these frames from the others of their series

    def take(self, chosen: Iterable[int]) -> FrameSet:
        """The chosen frames."""
        numbers = list(chosen)
        owners, frames = tuple(self.owners[n] for n in numbers), tuple(self.frames[n] for n in numbers)
        return replace(self, owners=owners, frames=frames)

    def noted(self, *notices: Notice) -> FrameSet:
        """The same frames with more to be said about them."""
        return replace(self, notices=(*self.notices, *notices))


@dataclass(frozen=True)
class Header:
    """One scanned file. offset: of the first byte after the pixel element's header, -1 where the data set is deflated.

    size: bytes, unpacked where the file is packed. stamp: of what is on disk; None of what came from memory.
    notices: what must be said about its pixels wherever they are shown.
    """

    path: str
    size: int
    stamp: Stamp | None
    values: Values
    syntax: str
    offset: int
    pixels: Pixels
    frames: tuple[Frame, ...] = ()
    notices: tuple[Notice, ...] = ()
    tracer: Tracer | None = None  # of PET
