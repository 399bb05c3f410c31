"""What other rooms ask of files. Each verb runs in a reader process, by `Reader.call`; what it needs is imported there.

Whatever it raises arrives as one sentence. Coordinates are LPS mm.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from viewer.data.annotations.landmarks import Landmarks
    from viewer.data.annotations.measurement_table import MeasurementTable
    from viewer.data.annotations.prompts import Prompts
    from viewer.data.arrays import Json
    from viewer.data.grid import Grid
    from viewer.data.segmentation import Segmentation
    from viewer.data.study import Source
    from viewer.data.transform import ImageReference, Transform
    from viewer.data.volume import Volume
    from viewer.io.dicom.sr.read_report import ReportFile
    from viewer.io.dicom.sr.report_files import ReportPaths
    from viewer.io.images.save import Format, SaveReport
    from viewer.io.project.project_file import Marks
    from viewer.io.sample.sample import SamplePaths
    from viewer.io.sample.truth import Retention, Truth
    from viewer.scene.findings.finding_report import FindingReport
    from viewer.scene.journal.project_state import Project


# ---- images
def save_image(
    volumes: Sequence[Volume], target: Path, format: Format, mark: str = "", overwrite: bool = False
) -> SaveReport:
    """Write the time points of an image; see viewer.io.images.save."""
    from viewer.io.images import save

    return save.save_image(volumes, target, format, mark, overwrite)


def save_label_image(segmentation: Segmentation, target: Path, format: Format, mark: str = "") -> SaveReport:
    """Write a label map as an image, and a JSON beside it that says what its values stand for."""
    from viewer.io.images import save

    return save.save_label_image(segmentation, target, format, mark)


# ---- tables and findings
def save_measurements(table: MeasurementTable, target: Path) -> None:
    """Write a table that a plugin measured as CSV, and its provenance beside it."""
    from viewer.io.reports import measurement_csv

    measurement_csv.save_table(table, target)


def save_findings(entries: list[Json], target: Path) -> None:
    """Write findings as a list of JSON objects, UTF-8."""
    from viewer.io.reports import csv_table

    csv_table.save_text(json.dumps(entries, indent=2, ensure_ascii=False, allow_nan=False), target, "utf-8")


def save_finding_report(
    report: FindingReport, target: Path, regions: Mapping[str, Segmentation], overwrite: bool = False
) -> ReportPaths:
    """Write a report of findings as DICOM SR, their regions as SEG and their key images as KO beside it."""
    from viewer.io.dicom.sr import report_files

    return report_files.save_report_files(report, target, regions, overwrite)


def read_finding_report(path: Path, images: Sequence[ImageReference] = ()) -> ReportFile:
    """The findings in a DICOM SR of TID 1500, whoever wrote it. images: that it may be of."""
    from viewer.io.dicom.sr import read_report

    return read_report.read_report(path, images)


def save_finding_page(report: FindingReport, target: Path, key_images: Mapping[str, bytes]) -> None:
    """Write a report of findings as one HTML file. key_images: PNG, by the ids of entries."""
    from viewer.io.reports import csv_table, finding_page

    csv_table.save_text(finding_page.finding_page(report, key_images), target, "utf-8")


# ---- segmentations
def holds_labels(path: Path) -> bool:
    """Whether a file says itself that it holds segments; a label image does not."""
    from viewer.io.segmentations import segmentation_file

    return segmentation_file.holds_labels(path)


def read_segmentation(
    path: Path, images: Sequence[ImageReference] = (), placement: str = "", time: int | None = None
) -> Segmentation:
    """The segments in a file, on the grid of one of the images where they are of it; see segmentation_file."""
    from viewer.io.segmentations import segmentation_file

    return segmentation_file.read_segmentation(path, images, placement, time)


def lowest_dice(path: Path) -> float | None:
    """The lowest predicted Dice of the structures in a .seg.nrrd, by its header alone; None where it tells none."""
    from viewer.io.segmentations import seg_nrrd

    return seg_nrrd.lowest_dice(str(path)) if path.name.lower().endswith(seg_nrrd.ENDING) else None


def resample_segmentation(segmentation: Segmentation, grid: Grid, source: Source) -> Segmentation:
    """The segments on an image's grid, and of that image; by the nearest voxel where their own grid is another."""
    from viewer.io.segmentations import segmentation_file

    return segmentation_file.resample_segmentation(segmentation, grid, source)


def save_segmentation(segmentation: Segmentation, target: Path, mark: str = "", overwrite: bool = False) -> SaveReport:
    """Write segments; the ending chooses the form. mark: of the review, for label images."""
    from viewer.io.segmentations import segmentation_file

    return segmentation_file.save_segmentation(segmentation, target, mark, overwrite)


# ---- transforms and landmarks
def load_transform(path: Path, fixed: ImageReference | None = None, moving: ImageReference | None = None) -> Transform:
    """The transform in a file, with its provenance and sign-off. fixed, moving: the images that it is for."""
    from viewer.io.transforms import transform_save

    return transform_save.load_transform(path, fixed, moving)


def save_transform(
    transform: Transform, target: Path, fixed: ImageReference, moving: ImageReference, overwrite: bool = False
) -> str:
    """Write what takes points of the fixed to points of the moving image; what a person should read of it, or ""."""
    from viewer.io.transforms import transform_save

    return transform_save.save_transform(transform, target, fixed, moving, overwrite)


def read_landmarks(path: Path) -> Landmarks:
    """The pairs in a file; of a list, with its partner beside it."""
    from viewer.io.transforms import landmark_file

    return landmark_file.read_landmarks(path)


def write_landmarks(landmarks: Landmarks, target: Path) -> tuple[Path, ...]:
    """Write pairs; the files that hold them."""
    from viewer.io.transforms import landmark_file

    return landmark_file.write_landmarks(landmarks, target)


# ---- prompts
def read_prompts(path: Path) -> Prompts:
    """The prompts in a JSON file, LPS mm."""
    from viewer.io.segmentations import prompt_file

    return prompt_file.read_prompts(path)


# ---- projects
def open_project(path: Path) -> tuple[Project, Marks, str]:
    """What a project holds, the marks of its images' files, and the SHA-256 of its own."""
    from viewer.io.project import project_file

    return project_file.open_project(path)


def save_project(project: Project, target: Path, overwrite: bool = False, known_sha256: str = "") -> tuple[int, str]:
    """Write a project; bytes and SHA-256 of its file. known_sha256: of the file that may be replaced."""
    from viewer.io.project import project_file

    return project_file.save_project(project, target, overwrite, known_sha256)


# ---- the built-in sample
def make_sample() -> SamplePaths:
    """The folders of the sample, made first where they are not there yet."""
    from viewer.io.sample import sample

    return sample.make_sample()


def measure_retention(before: Volume, result: Volume, truth: Truth) -> Retention:
    """What input and result, on one grid, keep of the sample's edges and lesions."""
    from viewer.io.sample import truth as truth_file

    return truth_file.measure_retention(before, result, truth)
