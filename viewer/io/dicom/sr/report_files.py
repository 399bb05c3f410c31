"""The files of a report: the regions of its findings (SEG), the report that refers to them (SR), key images (KO)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.io.dicom.sr.finding_report import save_finding_report, saved_segments
from viewer.io.dicom.sr.key_objects import save_key_objects
from viewer.io.errors import SaveError
from viewer.io.segmentations.segmentation_file import save_segmentation
from viewer.scene.findings.finding_report import TWO_PATIENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from viewer.data.segmentation import Key, Segmentation
    from viewer.io.dicom.sr.measurement_groups import SegmentReference
    from viewer.scene.findings.finding_report import FindingReport


@dataclass(frozen=True)
class ReportPaths:
    """What was written. key_images: None where no finding lies on a slice."""

    report: Path
    regions: tuple[Path, ...]
    key_images: Path | None


def save_report_files(
    report: FindingReport, target: Path, regions: Mapping[str, Segmentation], overwrite: bool = False
) -> ReportPaths:
    """Save them: NAME.dcm, and beside it NAME-regions.dcm (-2 …) and NAME-key-images.dcm.

    regions: segmentations by the names that findings refer to them by; only the voxels of reported findings are
    written. Raises SaveError, one sentence.
    """
    saved: list[Path] = []
    segments: dict[tuple[str, Key], SegmentReference] = {}
    for name, segmentation in regions.items():
        keys = {one.segment.key for one in report.findings if one.segment and one.segment.segmentation == name}
        kept = _only(segmentation, keys)
        if kept is None:
            continue
        if kept.source.patient_match(report.image.source) == "different":
            raise SaveError(f"{target.name} was not saved: {TWO_PATIENTS}")
        path = target.with_name(f"{target.stem}-regions{f'-{len(saved) + 1}' if saved else ''}.dcm")
        mark = next((one.mark for one in report.entries if one.mark), "")
        save_segmentation(kept, path, mark, overwrite)
        segments |= saved_segments(name, path)
        saved.append(path)
    save_finding_report(report, target, segments, overwrite)
    keys_path = target.with_name(f"{target.stem}-key-images.dcm")
    return ReportPaths(target, tuple(saved), keys_path if save_key_objects(report, keys_path, overwrite) else None)


def _only(segmentation: Segmentation, keys: set[Key]) -> Segmentation | None:
    """The segments of those keys alone; None without any."""
    segments = tuple(one for one in segmentation.segments if one.key in keys)
    if not segments:
        return None
    first, *others = (
        np.where(np.isin(labels, [label for layer, label in keys if layer == n]), labels, 0).astype(labels.dtype)
        for n, labels in enumerate(segmentation.maps)
    )
    return replace(segmentation, array=first, overlapping=tuple(others), segments=segments)
