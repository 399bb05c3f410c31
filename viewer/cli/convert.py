"""`convert`: segmentations from one form to another, on their own grid or on that of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from viewer.cli.failure import BadInput, JobFailed
from viewer.cli.inputs import aside, read_aside, read_volume
from viewer.cli.stage import HeadlessStage
from viewer.data.segmentation import Segmentation
from viewer.data.transform import End

Json = dict[str, Any]


def convert(source: str, target: str, reference: str = "", placement: str = "") -> Json:
    """The document that `convert --json` prints.

    reference: the image that the segments are of; they come on its grid, by the nearest voxel where theirs differs.
    placement: of NIfTI files, "sform" or "qform". Raises WrongUse, BadInput and JobFailed.
    """
    with HeadlessStage(placement) as stage:
        image = read_volume(stage, reference) if reference else None
        images = [End(image.grid, image.source)] if image is not None else []
        function = "viewer.io.segmentation_file:read_segmentation"
        found: Segmentation = read_aside(stage, function, source, images, placement)
        if image is not None:
            if found.source.patient_match(image.source) == "different":
                raise BadInput(f"{reference}: it is of another patient than {source}.")
            found = aside(stage, "viewer.io.segmentation_file:onto", found, image.grid, image.source, failure=BadInput)
        saved = aside(stage, "viewer.io.segmentation_file:save", found, Path(target), failure=JobFailed)
    return {
        "path": saved.paths[0],
        "bytes": saved.bytes,
        "shape": list(found.grid.shape),
        "segments": [{"label": one.label, "layer": one.layer, "name": one.name} for one in found.segments],
        "badges": list(found.badges),
    }
