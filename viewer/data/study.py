"""What was found on disk: patients, studies, series and the images in them. Nothing here touches a file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from viewer.data.grid import Grid
from viewer.data.notice import Notice
from viewer.data.printable_text import keep_printable, printable

PatientMatch = Literal["same", "different", "not known"]


@dataclass(frozen=True)
class Source:
    """The identity of an image: whose it is and which acquisition. Texts as stored; "" where the file does not say.

    Times and dates are DICOM DA/TM strings. `files` are the paths the pixels come from, in slice order. placement: what
    puts the voxels of a NIfTI file where they lie, "sform" or "qform"; both where they agree, () where it tells none.
    """

    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    study_uid: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    study_id: str = ""
    accession_number: str = ""
    series_uid: str = ""
    series_number: int = 0
    series_description: str = ""
    modality: str = "OT"
    body_part: str = ""
    contrast_agent: str = ""  # (0018,0010); scanners write "NONE", too
    view_position: str = ""
    photometric: str = ""  # Photometric Interpretation; "" where pixels came from no DICOM file
    burned_in: str = ""  # Burned In Annotation: "YES", "NO"
    manufacturer: str = ""
    files: tuple[str, ...] = ()
    sop_instance_uids: tuple[str, ...] = ()
    dicom: bool = False
    placement: tuple[str, ...] = ()

    @property
    def shown(self) -> Source:
        """The same with texts that are fit to be shown; no longer those that a file of it must have."""
        copy = replace(self)
        keep_printable(copy, *(one.name for one in fields(self) if one.type == "str"))
        return copy

    def of_timepoint(self, timepoint: int, timepoints: int, slices: int) -> Source:
        """The source of one time point, where files hold one slice each, time point after time point; else the same."""
        if not len(self.files) == len(self.sop_instance_uids) == timepoints * slices:
            return self
        own = slice(timepoint * slices, (timepoint + 1) * slices)
        return replace(self, files=self.files[own], sop_instance_uids=self.sop_instance_uids[own])

    def patient_match(self, other: Source) -> PatientMatch:
        """Whether two images are of one person, as far as their files tell: many (NIfTI, NRRD) tell of nobody.

        Different where ids, birth dates or family names contradict each other (ids such as "1" belong to many); where
        there are no two ids, where the names are not equal. Of one study or one file are images of one person.
        """
        pairs = (
            (self.patient_id, other.patient_id),
            (self.patient_birth_date, other.patient_birth_date),
            (_family(self.patient_name), _family(other.patient_name)),
        )
        if any(one and two and one != two for one, two in pairs):
            return "different"
        of_one_study = self.study_uid != "" and self.study_uid == other.study_uid
        if (self.patient_id and other.patient_id) or of_one_study:
            return "same"
        if self.patient_name and other.patient_name:
            return "same" if self.patient_name == other.patient_name else "different"
        return "same" if self.files and self.files[:1] == other.files[:1] else "not known"


def _family(name: str) -> str:
    """The family name of a DICOM person name (PS3.5 6.2.1.2), for comparison."""
    return name.split("=")[0].split("^")[0].strip().casefold()


@dataclass(frozen=True, eq=False)
class Image:
    """One loadable image of a series: a volume, a picture or a series of time points, described but not loaded.

    spacing, origin and direction are those of `grid`. `regular` is False where slices are unevenly spaced, missing or
    tilted; `grid` then has the median distance between neighbouring slices. `plan` belongs to the reader that made it.
    beside: files that tell more of it than the one that holds its pixels (gradients of a NIfTI file).
    second: the same image by the placement of its NIfTI file that was not taken, where it has two; see `other`.
    """

    source: Source
    grid: Grid
    dtype: str
    name: str = ""
    timepoints: int = 1
    components: int = 1
    unit: str = ""
    regular: bool = True
    transfer_syntax: str = ""
    notices: tuple[Notice, ...] = ()
    times: tuple[float, ...] = ()  # s from the first to each time point; () where not known
    b_values: tuple[float, ...] = ()  # s/mm² of each time point; () where not known
    suvbw_factor: float | None = None  # of PET: what physical values are multiplied with to give SUVbw, g/ml
    plan: Any = field(default=None, repr=False)
    beside: tuple[str, ...] = ()
    second: Image | None = None

    def with_notices(self, *notices: Notice) -> Image:
        """The same image with more to be said about it."""
        return replace(self, notices=(*self.notices, *notices))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of its notices, fit to be shown."""
        return tuple(printable(notice.sentence) for notice in self.notices)

    @property
    def badges(self) -> tuple[str, ...]:
        """Short marks for the corner of a view, such as "slices missing", "lossy" and "resampled"."""
        return tuple(printable(notice.badge) for notice in self.notices if notice.badge)

    @property
    def title(self) -> str:
        """What it is called: its name; of a file that is no DICOM that of the file, and its own where it has one."""
        described = self.source.series_description
        if self.source.dicom or not (self.name and described):
            return self.name or described
        return f"{described} ({self.name})"

    @property
    def other(self) -> Image | None:
        """The same image by the other placement of its file, whose other this one is; None where there is none."""
        return self.second and replace(self.second, second=replace(self, second=None))

    @property
    def placements(self) -> tuple[Image, ...]:
        """The image itself, and the other one where there is one."""
        return (self, self.other) if self.other else (self,)

    def with_placement(self, placement: str) -> Image | None:
        """Whichever of its placements is "sform" or "qform" as asked, "" for itself; None where neither is."""
        return next((one for one in self.placements if not placement or placement in one.source.placement), None)

    @property
    def key(self) -> str:
        """Names this image within a session and across starts: series UID (or path) and its name in the series."""
        return f"{self.source.series_uid or self.source.files[0]}|{self.name}"

    @property
    def bytes(self) -> int:
        """Bytes of the pixels in their stored type."""
        k, j, i = self.grid.shape
        return k * j * i * self.timepoints * self.components * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class LabelFile:
    """Segments in a file of their own (DICOM Segmentation, RT Structure Set, .seg.nrrd), described but not read.

    source: its own series; its one file. referenced_series_uid: of the image series that it labels (DICOM PS3.3
    C.12.2, C.8.8.5), "" where it does not say.
    """

    source: Source
    referenced_series_uid: str = ""
    frame_of_reference: str = ""
    count: int = 0  # segments

    @property
    def path(self) -> str:
        """The file that holds the segments."""
        return self.source.files[0]


@dataclass(frozen=True)
class RefusedFile:
    """A file that was not opened: which one and, in one sentence, why. many: it stands for many files of a folder."""

    path: str
    reason: str
    many: bool = False

    def __post_init__(self) -> None:
        keep_printable(self, "reason")
