"""`compare`: how far two images, two label maps or two transforms are apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.cli.exit_codes import BadInput, WrongUse
from viewer.cli.headless_session import HeadlessStage
from viewer.cli.inputs import image_reference, is_label_file, read_file, read_labels, read_volume, read_volumes
from viewer.compute.images.image_metrics import compare_series
from viewer.compute.labels.label_image import label_values
from viewer.compute.labels.label_metrics import label_metrics
from viewer.compute.registration.transform_quality import distances, jacobian, smoothness, target_errors
from viewer.io import requests
from viewer.io.transforms.transform_file import ITK, ending_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from viewer.data.annotations.landmarks import Landmarks
    from viewer.data.arrays import Json
    from viewer.data.grid import Grid
    from viewer.data.transform import ImageReference, Transform
    from viewer.data.volume import Volume

MOST_LABELS = 256  # values that two images of whole numbers may have and still be taken for label maps


@dataclass(frozen=True, eq=False)
class Labels:
    """A label map [k, j, i], of labels as large as they come. time: which time point it is."""

    array: NDArray[Any]
    grid: Grid
    time: str = ""


def compare(
    first: str,
    second: str,
    kind: str = "auto",
    reference: str = "",
    landmarks: str = "",
    time: int | None = None,
    placement: str = "",
) -> Json:
    """The document that `compare --json` prints.

    kind: "image", "labels" or "transform"; "auto" goes by the files: ITK's endings are transforms, few whole numbers
    from 0 on are labels. reference: the fixed image of transforms, or the one that contours are drawn on. landmarks:
    pairs to measure transforms by. Measures of the second transform end in "_b". time: the time point of images that
    have several, 1 being the first; None for all. placement: of NIfTI files, "sform" or "qform". Raises WrongUse, and
    BadInput where the two cannot be compared.
    """
    if kind not in ("auto", "image", "labels", "transform"):
        raise WrongUse(f"--as {kind}: choose auto, image, labels or transform.")
    with HeadlessStage(placement) as stage:
        if kind == "transform" or (kind == "auto" and {ending_of(first), ending_of(second)} <= set(ITK)):
            return _transforms(stage, first, second, reference, landmarks)
        texts = (first, second)
        files = [is_label_file(stage, text) for text in texts]
        if kind == "labels" or (kind == "auto" and any(files)):
            image = image_reference(read_volume(stage, reference)) if reference else None
            ends = [image] if image else []
            ones, twos = (_label_maps(stage, text, ends, time, file) for text, file in zip(texts, files, strict=True))
            return _labels(ones, twos, time)
        one, two = (read_volumes(stage, text, time) for text in texts)
    if kind == "auto" and all(map(_few_whole_numbers, (*one, *two))):
        return _labels(_labels_in(one, first), _labels_in(two, second), time)
    return _images(one, two, time)


def _images(one: Sequence[Volume], two: Sequence[Volume], time: int | None) -> Json:
    _check_times(one, two)
    try:
        metrics, each = compare_series(one, two)
    except ValueError as error:
        raise BadInput(str(error)) from error
    return {"kind": "image", "metrics": metrics, "labels": {}} | _times(
        one, [{"metrics": found} for found in each], time
    )


def _check_times(one: Sequence[Volume | Labels], two: Sequence[Volume | Labels]) -> None:
    if len(one) != len(two):
        counts = f"{len(one)} and {len(two)}"
        raise BadInput(f"They have different numbers of time points, {counts}: say which is compared by --time.")


def _times(ones: Sequence[Volume | Labels], each: Sequence[Json], time: int | None) -> Json:
    """How many time points were compared, which one where one was asked for, and the figures of each."""
    told = {"timepoints": len(ones), "timepoint": time}
    if len(ones) == 1:
        return told
    names = [one.time or f"time point {number}" for number, one in enumerate(ones, 1)]
    return told | {"times": [{"time": name, **found} for name, found in zip(names, each, strict=True)]}


def _few_whole_numbers(volume: Volume) -> bool:
    """Whether it looks like a label map: mostly 0, and no more values than labels have."""
    if volume.color or volume.slope != 1 or volume.intercept or volume.array.dtype.kind not in "uif":
        return False
    values, counts = np.unique(volume.array, return_counts=True)
    few = bool(values[0] == 0 and len(values) <= MOST_LABELS and counts[0] >= volume.array.size // 3)
    return few and bool((values == np.rint(values)).all())


def _label_maps(
    stage: HeadlessStage, text: str, images: Sequence[ImageReference], time: int | None, file: bool
) -> list[Labels]:
    """The label map of a file of segments; those of an image, by time point. Raises BadInput."""
    if not file:
        return _labels_in(read_volumes(stage, text, time), text)
    found = read_labels(stage, text, images)
    if found.overlapping:
        raise BadInput("Their segments overlap, so a label does not name one: compare them in the window, by name.")
    return [Labels(found.array, found.grid)]


def _labels_in(volumes: Sequence[Volume], text: str) -> list[Labels]:
    try:
        return [Labels(label_values(volume), volume.grid, volume.time) for volume in volumes]
    except ValueError as error:
        raise BadInput(f"{text}: {error}") from error


def _labels(ones: Sequence[Labels], twos: Sequence[Labels], time: int | None) -> Json:
    """Agreement of each label, and the means over those that both maps have; over all time points together."""
    _check_times(ones, twos)
    each = [_agreement(one, two) for one, two in zip(ones, twos, strict=True)]
    labels = sorted({label for found in each for label in found["labels"]}, key=int)
    together = {
        label: _means([found["labels"][label] for found in each if label in found["labels"]]) for label in labels
    }
    return {"kind": "labels", "metrics": _means([found["metrics"] for found in each]), "labels": together} | _times(
        ones, each, time
    )


def _agreement(one: Labels, two: Labels) -> Json:
    if not one.grid.matches(two.grid, tolerance=0.01):
        raise BadInput("The label maps do not lie on one grid: resample one onto the other first.")
    found = label_metrics(one.array, two.array, one.grid)
    told = {
        str(label): {name: value for name, value in asdict(each).items() if value is not None}
        for label, each in found.items()
    }
    return {"metrics": _means(list(told.values())), "labels": told}


def _means(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of each measure, over those that have it."""
    values = {name: [each[name] for each in found if name in each] for name in ("dice", "hd95", "assd", "nsd")}
    return {name: float(np.mean(numbers)) for name, numbers in values.items() if numbers}


def _transforms(stage: HeadlessStage, first: str, second: str, reference: str, landmarks: str) -> Json:
    fixed = read_volume(stage, reference) if reference else None
    ends = (image_reference(fixed), None)
    one, two = (read_file(stage, requests.load_transform, text, *ends) for text in (first, second))
    grid = fixed.grid if fixed is not None else one.grid or two.grid
    if grid is None:
        raise WrongUse("Two matrices are compared at the points of the fixed image: name it by --reference PATH.")
    apart = distances(one, two, grid)
    metrics = {"distance_mean": float(apart.mean()), "distance_max": float(apart.max())}
    pairs = read_file(stage, requests.read_landmarks, landmarks) if landmarks else None
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
