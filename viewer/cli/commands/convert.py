"""`convert`: images and segmentations from one form to another; segments on their own grid or on that of an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.cli.exit_codes import BadInput, JobFailed
from viewer.cli.headless_session import HeadlessStage, one_image
from viewer.cli.inputs import call_reader, check_time, is_label_file, labels_of, read_file, read_volume, read_volumes
from viewer.compute.labels.label_image import is_label_image
from viewer.data.transform import ImageReference
from viewer.io import requests
from viewer.io.errors import SaveError
from viewer.io.segmentations.segmentation_file import format_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.arrays import Json
    from viewer.data.grid import Grid
    from viewer.data.segmentation import Segmentation
    from viewer.io.images.save import Format, SaveReport


def convert(source: str, target: str, reference: str = "", placement: str = "", time: int | None = None) -> Json:
    """The document that `convert --json` prints.

    reference: the image that the segments are of; they come on its grid, by the nearest voxel where theirs differs.
    placement: of NIfTI files, "sform" or "qform". time: the time point to write of an image that has several, 1 being
    the first; None for all, into one file. Raises WrongUse, BadInput and JobFailed.
    """
    format = _image_format(Path(target))
    with HeadlessStage(placement) as stage:
        labels = is_label_file(stage, source)
        if labels or reference or format is None:
            time = None if labels else _label_map(stage, source, time)
            return _segments(stage, _read_segments(stage, source, reference, time), target)
        volumes = read_volumes(stage, source, time)
        if len(volumes) == 1 and format != "dicom" and is_label_image(volumes[0]):
            return _segments(stage, labels_of(volumes[0], source), target)
        saved = call_reader(stage, requests.save_image, volumes, Path(target), format, failure=JobFailed)
    badges = [*volumes[0].badges, *saved.note]
    return _document(saved, volumes[0].grid, badges, []) | {"timepoints": len(volumes), "timepoint": time}


def _image_format(target: Path) -> Format | None:
    """What an image is written as: a name without an ending is the folder of a DICOM series. None: segments only."""
    if not target.suffix:
        return "dicom"
    try:
        return format_of(target)
    except SaveError as error:
        raise JobFailed(str(error)) from error


def _label_map(stage: HeadlessStage, source: str, time: int | None) -> int | None:
    """Which volume of an image the segments are; None where it has one. Raises BadInput where none was named."""
    count = one_image(stage, source).timepoints
    if time is None and count > 1:
        raise BadInput(f"{source}: it has {count} time points: say which label map is meant by --time.")
    check_time(source, count, time)
    return time if count > 1 else None


def _read_segments(stage: HeadlessStage, source: str, reference: str, time: int | None) -> Segmentation:
    image = read_volume(stage, reference) if reference else None
    images = [ImageReference(image.grid, image.source)] if image is not None else []
    found = read_file(stage, requests.read_segmentation, source, images, stage.placement, time)
    if image is None:
        return found
    if found.source.patient_match(image.source) == "different":
        raise BadInput(f"{reference}: it is of another patient than {source}.")
    return call_reader(stage, requests.resample_segmentation, found, image.grid, image.source, failure=BadInput)


def _segments(stage: HeadlessStage, found: Segmentation, target: str) -> Json:
    saved = call_reader(stage, requests.save_segmentation, found, Path(target), failure=JobFailed)
    segments = [{"label": one.label, "layer": one.layer, "name": one.name} for one in found.segments]
    return _document(saved, found.grid, found.badges, segments)


def _document(saved: SaveReport, grid: Grid, badges: Sequence[str], segments: Sequence[Json]) -> Json:
    return {
        "path": saved.paths[0],
        "bytes": saved.bytes,
        "shape": list(grid.shape),
        "segments": segments,
        "badges": list(badges),
    }
