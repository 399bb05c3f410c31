"""What commands take, from files: images, label maps, transforms and landmarks; read by the reader's processes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from viewer.cli.exit_codes import BadInput, Failure
from viewer.cli.headless_session import Stage, check_path, one_image
from viewer.compute.labels.label_image import as_segmentation
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import ImageReference
from viewer.data.volume import Volume
from viewer.io import requests
from viewer.io.reader.reader import OpenError, load_now
from viewer.io.segmentations.segmentation_file import labels_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viewer.plugin.plugin import Plugin, Value

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")
Series = tuple[Volume, ...]  # the time points of an image


def read_inputs(
    stage: Stage, plugin: Plugin, paths: dict[str, str], time: int | None = None
) -> tuple[dict[str, Value], dict[str, Series]]:
    """The values of a plugin's inputs in its order, images by their first time point; and the whole of each image.

    time: as in read_volumes. Raises BadInput: the path and one sentence.
    """
    kinds = {one.name: one.type for one in plugin.inputs if one.name in paths}
    images = {name: read_volumes(stage, paths[name], time) for name, kind in kinds.items() if kind == "volume"}
    values: dict[str, Value] = {name: volumes[0] for name, volumes in images.items()}
    for name in [name for name in kinds if name not in images]:  # transforms may ask for the images
        values[name] = _read(stage, kinds[name], paths[name], values, time)
    return {name: values[name] for name in kinds}, images


def read_volume(stage: Stage, text: str) -> Volume:
    """The image that "PATH" or "PATH#2" names, of which the place counts: its first time point. Raises BadInput."""
    return read_volumes(stage, text)[0]


def read_volumes(stage: Stage, text: str, time: int | None = None) -> Series:
    """The time points of an image; or the one that is asked for, 1 being the first, where it has several.

    Raises BadInput.
    """
    try:
        volumes = load_now(one_image(stage, text), stage.session.reader, whole=True)
    except OpenError as error:
        raise BadInput(f"{text}: {error}") from error
    check_time(text, len(volumes), time)
    return volumes if time is None or len(volumes) == 1 else volumes[time - 1 : time]


def check_time(text: str, count: int, time: int | None) -> None:
    """Raises BadInput where `time` is none of the `count` time points of an image that has several."""
    if time is not None and count > 1 and not 1 <= time <= count:
        raise BadInput(f"{text}: it has {count} time points, so --time {time} names none.")


def is_label_file(stage: Stage, text: str) -> bool:
    """Whether a file says itself that it holds segments. Raises BadInput."""
    return os.path.isfile(text) and read_file(stage, requests.holds_labels, text)


def read_labels(
    stage: Stage, text: str, images: Sequence[ImageReference] = (), time: int | None = None
) -> Segmentation:
    """The segments in a file of such, or in a label image. images: what they may be of. Raises BadInput."""
    if is_label_file(stage, text):
        return read_file(stage, requests.read_segmentation, text, images, stage.placement)
    volumes = read_volumes(stage, text, time)
    if len(volumes) > 1:
        raise BadInput(f"{text}: it has {len(volumes)} time points: say which label map is meant by --time.")
    return labels_of(volumes[0], text)


def labels_of(volume: Volume, path: str) -> Segmentation:
    """An image as a label map, with the names of the JSON beside it. Raises BadInput where it is none."""
    try:
        found = as_segmentation(volume)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error
    attributes = labels_beside(Path(path))
    segments = tuple(
        Segment(one.label, **{"name": f"Label {one.label}", **attributes.get(one.label, {})}) for one in found.segments
    )
    return replace(found, segments=segments)


def call_reader(
    stage: Stage,
    function: Callable[[*Arguments], Result],
    *arguments: *Arguments,
    failure: Callable[[str], Failure],
) -> Result:
    """Call a function of viewer.io.requests and wait. Raises what `failure` makes of its sentence."""
    ends: list[Result | Failure] = []
    stage.session.reader.call(
        function, *arguments, done=ends.append, failed=lambda sentence: ends.append(failure(sentence))
    )
    stage.until(lambda: bool(ends))
    if isinstance(ends[0], Failure):
        raise ends[0]
    return ends[0]


def read_file(
    stage: Stage, function: Callable[[Path, *Arguments], Result], text: str, *arguments: *Arguments
) -> Result:
    """What a function of viewer.io.requests reads from a path. Raises BadInput."""
    check_path(text)
    return call_reader(
        stage, function, Path(text), *arguments, failure=lambda sentence: BadInput(f"{text}: {sentence}")
    )


def _read(stage: Stage, kind: str, text: str, values: dict[str, Value], time: int | None) -> Value:
    if kind == "segmentation":
        return read_labels(stage, text, [end for end in map(image_reference, values.values()) if end is not None], time)
    if kind == "landmarks":
        return read_file(stage, requests.read_landmarks, text)
    if kind == "prompts":
        return read_file(stage, requests.read_prompts, text)
    ends = image_reference(values.get("fixed")), image_reference(values.get("moving"))
    return read_file(stage, requests.load_transform, text, *ends)


def image_reference(value: Value | None) -> ImageReference | None:
    """What transforms and segmentations refer to an image by; None for a value that is none."""
    return ImageReference(value.grid, value.source) if isinstance(value, Volume) else None
