"""What commands take, from files: images, label maps, transforms and landmarks; read by the reader's processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from viewer.cli.failure import BadInput, Failure
from viewer.cli.stage import Stage, one_image
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import End
from viewer.data.volume import Volume
from viewer.io.reader import OpenError, load_now
from viewer.io.segmentation_file import labels_beside
from viewer.plugin.plugin import Plugin, Value

MOST_LABELS = 1 << 16


def read_inputs(stage: Stage, plugin: Plugin, paths: dict[str, str]) -> dict[str, Value]:
    """The values of a plugin's inputs, in its order. Raises BadInput: the path and one sentence."""
    kinds = {one.name: one.type for one in plugin.inputs if one.name in paths}
    values: dict[str, Value] = {}
    for name in sorted(kinds, key=lambda name: kinds[name] != "volume"):  # transforms may ask for the images
        values[name] = _read(stage, kinds[name], paths[name], values)
    return {name: values[name] for name in kinds}


def read_volume(stage: Stage, text: str) -> Volume:
    """The image that "PATH" or "PATH#2" names; the first of its time points. Raises BadInput."""
    try:
        return load_now(one_image(stage, text), stage.session.reader, whole=True)[0]
    except OpenError as error:
        raise BadInput(f"{text}: {error}") from error


def is_label_file(stage: Stage, text: str) -> bool:
    """Whether a file says itself that it holds segments. Raises BadInput."""
    return Path(text).is_file() and read_aside(stage, "viewer.io.segmentation_file:holds_labels", text)


def read_labels(stage: Stage, text: str, images: Sequence[Grid] = ()) -> Segmentation:
    """A file of segments or a label image. images: grids that its contours may lie on. Raises BadInput."""
    if is_label_file(stage, text):
        return cast(Segmentation, read_aside(stage, "viewer.io.segmentation_file:read_segmentation", text, images))
    return labels_of(read_volume(stage, text), text)


def labels_of(volume: Volume, path: str) -> Segmentation:
    """An image as a label map, with the names of the JSON beside it. Raises BadInput where it is none."""
    values = volume.values()
    if volume.color or not np.isfinite(values).all() or (values < 0).any() or (values != np.rint(values)).any():
        raise BadInput(f"{path}: it is no label map: its values are not whole numbers from 0 on.")
    array = values.astype(np.uint8 if values.max(initial=0) < 256 else np.uint32)
    found = np.flatnonzero(np.bincount(array.ravel())) if array.max(initial=0) < MOST_LABELS else np.unique(array)
    told = labels_beside(Path(path))
    segments = tuple(Segment(int(n), **{"name": f"Label {n}", **told.get(int(n), {})}) for n in found if n)
    return Segmentation(array, volume.grid, segments, volume.name, volume.source)


def aside(stage: Stage, function: str, *arguments: Any, failure: Callable[[str], Failure]) -> Any:
    """Call "module:function" in a reader process and wait. Raises what `failure` makes of its sentence."""
    ends: list[Any] = []
    stage.session.reader.call(
        function, *arguments, done=ends.append, failed=lambda sentence: ends.append(failure(sentence))
    )
    stage.until(lambda: bool(ends))
    if isinstance(ends[0], Failure):
        raise ends[0]
    return ends[0]


def read_aside(stage: Stage, function: str, text: str, *arguments: Any) -> Any:
    """What a function of viewer.io reads from a path, in a reader process. Raises BadInput."""
    if not Path(text).parent.is_dir():
        raise BadInput(f"{text}: there is no such folder; check the path.")
    return aside(stage, function, Path(text), *arguments, failure=lambda sentence: BadInput(f"{text}: {sentence}"))


def _read(stage: Stage, kind: str, text: str, values: dict[str, Value]) -> Value:
    if kind == "volume":
        return read_volume(stage, text)
    if kind == "segmentation":
        return read_labels(stage, text, [one.grid for one in values.values() if isinstance(one, Volume)])
    if kind == "landmarks":
        return cast(Value, read_aside(stage, "viewer.io.landmark_file:read_landmarks", text))
    ends = [end_of(values.get(name)) for name in ("fixed", "moving")]
    return cast(Value, read_aside(stage, "viewer.io.transform_save:load_transform", text, *ends))


def end_of(value: Value | None) -> End | None:
    """One of the two images of a registration, where it is one."""
    return End(value.grid, value.source) if isinstance(value, Volume) else None
