"""What a plugin made, on disk: each result under its output's name, with its provenance inside or beside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from viewer.cli.exit_codes import JobFailed
from viewer.cli.inputs import call_reader, image_reference
from viewer.data.annotations.finding import Findings, finding_json
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.provenance import is_learned
from viewer.data.segmentation import Segmentation
from viewer.data.transform import ImageReference, Transform
from viewer.data.volume import Volume
from viewer.io import requests
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.findings.finding_report import FindingReport
from viewer.scene.layer import MARKS, exported, volume_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from viewer.cli.headless_session import Stage
    from viewer.data.arrays import Json
    from viewer.io.dicom.sr.report_files import ReportPaths
    from viewer.io.images.save import Format
    from viewer.plugin.plugin import Value

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")
ENDINGS: dict[Format, str] = {"dicom": "", "nifti": ".nii.gz", "nrrd": ".nrrd", "mha": ".mha"}


def write_output(
    stage: Stage,
    name: str,
    results: Sequence[Value],
    values: Mapping[str, Value],
    out: Path,
    format: Format,
) -> Json:
    """Write one result into the folder `out`; its entry in the document of `run --json`.

    results: an image for each time point, or one value of another kind. values: the run's inputs and outputs by name.
    Label maps are NIfTI where images are DICOM; transforms are .h5 with a displacement field and .tfm without; pairs of
    landmarks are .json, tables .csv and findings .json; the last two are in the entry itself, too. Findings of a DICOM
    image become a structured report besides. Raises JobFailed.
    """
    out.mkdir(parents=True, exist_ok=True)
    value = results[0]
    if isinstance(value, Volume):
        layer = volume_layer(tuple(one for one in results if isinstance(one, Volume)), review="unreviewed")
        target = out / f"{name}{ENDINGS[format]}"
        _save(stage, requests.save_image, exported(layer), target, format, layer.badges[0])
        return _entry(name, "volume", target)
    if isinstance(value, Segmentation):
        kind: Format = "nifti" if format == "dicom" else format
        return _write_labels(stage, name, value, out, kind)
    if isinstance(value, Transform):
        target = out / f"{name}{'.tfm' if value.displacement is None else '.h5'}"
        _save(stage, requests.save_transform, value, target, *_image_ends(values))
        return _entry(name, "transform", target)
    if isinstance(value, MeasurementTable):
        target = out / f"{name}.csv"
        _save(stage, requests.save_measurements, value, target)
        told = value.to_json()
        return _entry(name, "table", target) | {key: told[key] for key in ("subject", "rows", "columns", "notes")}
    if isinstance(value, Findings):
        return _write_findings(stage, name, value, values, out, format)
    assert isinstance(value, Landmarks)  # there is no other kind
    target = out / f"{name}.json"
    _save(stage, requests.write_landmarks, value, target)
    return _entry(name, "landmarks", target)


def _write_labels(stage: Stage, name: str, value: Segmentation, out: Path, kind: Format) -> Json:
    """A file for each label map: an image holds one label a voxel, and segments may overlap."""
    mark = MARKS["unreviewed", is_learned(value.provenance, value.badges)]
    targets = []
    for layer, labels in enumerate(value.maps):
        target = out / f"{name}{f'_{layer + 1}' if layer else ''}{ENDINGS[kind]}"
        segments = tuple(replace(one, layer=0) for one in value.segments if one.layer == layer)
        one_map = replace(value, array=labels, segments=segments, overlapping=())
        _save(stage, requests.save_label_image, one_map, target, kind, mark)
        targets.append(target)
    more = {"overlapping": [str(target) for target in targets[1:]]} if targets[1:] else {}
    return _entry(name, "segmentation", targets[0]) | more


def _write_findings(
    stage: Stage, name: str, value: Findings, values: Mapping[str, Value], out: Path, format: Format
) -> Json:
    """A list with an entry a finding; of a refused input one entry that says why. Heat maps by their files.

    Of a DICOM image that says something also a structured report, in which nothing is reviewed yet.
    """
    told = [finding_json(one) for one in value.entries]
    for entry in told:
        entry["heat_map"] = entry["heat_map"] and str(out / f"{entry['heat_map']}{ENDINGS[format]}")
    target = out / f"{name}.json"
    _save(stage, requests.save_findings, told, target)
    entry = _entry(name, "findings", target) | {"findings": told}
    image = next((one for one in map(image_reference, values.values()) if one is not None), None)
    if format != "dicom" or image is None or not image.source.dicom or not value.findings:
        return entry
    listed = tuple(FindingEntry(image.source.series_uid, one, run=name, title=name) for one in value.findings)
    report = FindingReport(image, image.source.series_description, listed)
    regions = {key: one for key, one in values.items() if isinstance(one, Segmentation)}
    saved = _save(stage, requests.save_finding_report, report, out / f"{name}.dcm", regions)
    return entry | report_paths(saved)


def report_paths(saved: ReportPaths) -> Json:
    """The files of a report as a command prints them."""
    return {
        "report": str(saved.report),
        "regions": [str(path) for path in saved.regions],
        "key_images": str(saved.key_images) if saved.key_images else None,
    }


def _save(stage: Stage, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    return call_reader(stage, function, *arguments, failure=JobFailed)


def _image_ends(inputs: Mapping[str, Value]) -> tuple[ImageReference, ImageReference]:
    """The fixed and the moving image; the first image in place of one that the plugin does not have."""
    images = [end for end in map(image_reference, inputs.values()) if end is not None]
    if not images:
        raise JobFailed("There is no image that the transform could belong to: nothing was saved.")
    return image_reference(inputs.get("fixed")) or images[0], image_reference(inputs.get("moving")) or images[0]


def _entry(name: str, kind: str, target: Path) -> Json:
    return {"name": name, "type": kind, "path": str(target)}
