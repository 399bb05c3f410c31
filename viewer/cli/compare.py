"""`compare`: how far two images, two label maps or two transforms are apart."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from viewer.cli.failure import BadInput, WrongUse
from viewer.cli.inputs import end_of, is_label_file, labels_of, read_aside, read_labels, read_volume
from viewer.cli.stage import HeadlessStage
from viewer.compute.compare import compare_images
from viewer.compute.label_metrics import label_metrics
from viewer.compute.transform_quality import distances, jacobian, smoothness, target_errors
from viewer.data.grid import Grid
from viewer.data.landmarks import Landmarks
from viewer.data.segmentation import Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.io.transform_file import ITK, ending_of

Json = dict[str, Any]

MOST_LABELS = 256  # values that two images of whole numbers may have and still be taken for label maps


def compare(first: str, second: str, kind: str = "auto", reference: str = "", landmarks: str = "") -> Json:
    """The document that `compare --json` prints.

    kind: "image", "labels" or "transform"; "auto" goes by the files: ITK's endings are transforms, few whole numbers
    from 0 on are labels. reference: the fixed image of transforms, or the one that contours are drawn on. landmarks:
    pairs to measure transforms by. Measures of the second transform end in "_b". Raises WrongUse, and BadInput where
    the two cannot be compared.
    """
    if kind not in ("auto", "image", "labels", "transform"):
        raise WrongUse(f"--as {kind}: choose auto, image, labels or transform.")
    with HeadlessStage() as stage:
        if kind == "transform" or (kind == "auto" and {ending_of(first), ending_of(second)} <= set(ITK)):
            return _transforms(stage, first, second, reference, landmarks)
        texts = (first, second)
        if kind == "labels" or (kind == "auto" and any(is_label_file(stage, text) for text in texts)):
            image = end_of(read_volume(stage, reference)) if reference else None
            return _labels(*(read_labels(stage, text, [image] if image else []) for text in texts))
        one, two = (read_volume(stage, text) for text in texts)
    try:
        if kind == "auto" and _few_whole_numbers(one) and _few_whole_numbers(two):
            return _labels(labels_of(one, first), labels_of(two, second))
        return {"kind": "image", "metrics": compare_images(one, two), "labels": {}}
    except ValueError as error:
        raise BadInput(str(error)) from error


def _few_whole_numbers(volume: Volume) -> bool:
    """Whether it looks like a label map: mostly 0, and no more values than labels have."""
    if volume.color or volume.slope != 1 or volume.intercept or volume.array.dtype.kind not in "ui":
        return False
    values, counts = np.unique(volume.array, return_counts=True)
    return bool(values[0] == 0 and len(values) <= MOST_LABELS and counts[0] >= volume.array.size // 3)


def _labels(one: Segmentation, two: Segmentation) -> Json:
    """Agreement of each label, and the means over those that both maps have."""
    if not one.grid.matches(two.grid, tolerance=0.01):
        raise BadInput("The label maps do not lie on one grid: resample one onto the other first.")
    if one.overlapping or two.overlapping:
        raise BadInput("Their segments overlap, so a label does not name one: compare them in the window, by name.")
    found = label_metrics(one.array, two.array, one.grid)
    told = {
        str(label): {name: value for name, value in asdict(each).items() if value is not None}
        for label, each in found.items()
    }
    names = ("dice", "hd95", "assd", "nsd")
    means = {name: [each[name] for each in told.values() if name in each] for name in names}
    return {
        "kind": "labels",
        "metrics": {name: float(np.mean(values)) for name, values in means.items() if values},
        "labels": told,
    }


def _transforms(stage: HeadlessStage, first: str, second: str, reference: str, landmarks: str) -> Json:
    fixed = read_volume(stage, reference) if reference else None
    ends = (end_of(fixed), None)
    one, two = (read_aside(stage, "viewer.io.transform_save:load_transform", text, *ends) for text in (first, second))
    grid = fixed.grid if fixed is not None else one.grid or two.grid
    if grid is None:
        raise WrongUse("Two matrices are compared at the points of the fixed image: name it by --reference PATH.")
    apart = distances(one, two, grid)
    metrics = {"distance_mean": float(apart.mean()), "distance_max": float(apart.max())}
    pairs = read_aside(stage, "viewer.io.landmark_file:read_landmarks", landmarks) if landmarks else None
    for transform, end in ((one, ""), (two, "_b")):
        metrics |= {f"{name}{end}": value for name, value in _quality(transform, grid, pairs).items()}
    said = list(pairs.warnings) if pairs is not None else []
    return {"kind": "transform", "metrics": metrics, "labels": {}, **({"warnings": said} if said else {})}


def _quality(transform: Transform, grid: Grid, pairs: Landmarks | None) -> dict[str, float]:
    """folding: per cent of voxels. tre: mm."""
    bent = smoothness(jacobian(transform, transform.grid or grid)[0])
    found = {"folding": bent.folding, "sdlogj": bent.sd_log_j}
    if pairs is not None and len(pairs.fixed):
        errors = target_errors(transform, pairs)
        found |= {"tre_mean": float(errors.mean()), "tre_max": float(errors.max())}
    return found
