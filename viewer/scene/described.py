"""Values as JSON objects, and back; their arrays go where `store` puts them and come from where `load` finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.transform import SignOff, Transform
from viewer.data.volume import Volume, Window
from viewer.scene.landmarks import LandmarkPair

Json = dict[str, Any]
Store = Callable[[NDArray[Any]], str]  # an array -> what it can be found by
Load = Callable[[str], NDArray[Any]]


def describe_grid(grid: Grid) -> Json:
    return {
        "shape": grid.shape,
        "affine": grid.affine.tolist(),
        "frame_of_reference": grid.frame_of_reference,
        "placed": grid.placed,
    }


def restore_grid(entry: Json) -> Grid:
    return Grid(tuple(entry["shape"]), np.array(entry["affine"]), entry["frame_of_reference"], entry["placed"])


def describe_volume(volume: Volume, store: Store) -> Json:
    return {
        **describe_grid(volume.grid),
        "name": volume.name,
        "unit": volume.unit,
        "slope": volume.slope,
        "intercept": volume.intercept,
        "windows": [asdict(window) for window in volume.windows],
        "inverted": volume.inverted,
        "time": volume.time,
        **_origin(volume),
        "array": store(volume.array),
    }


def restore_volume(entry: Json, load: Load) -> Volume:
    return Volume(
        array=load(entry["array"]),
        grid=restore_grid(entry),
        windows=tuple(Window(**window) for window in entry["windows"]),
        **{name: entry[name] for name in ("name", "unit", "slope", "intercept", "inverted", "time")},
        **_restore_origin(entry),
    )


def describe_segmentation(segmentation: Segmentation, store: Store) -> Json:
    """Blank label maps are told by their type alone."""
    return {
        **describe_grid(segmentation.grid),
        "name": segmentation.name,
        "segments": [asdict(segment) for segment in segmentation.segments],
        **_origin(segmentation),
        "maps": [{"dtype": map.dtype.str, "array": store(map) if map.any() else None} for map in segmentation.maps],
    }


def restore_segmentation(entry: Json, load: Load) -> Segmentation:
    grid = restore_grid(entry)
    first, *others = (
        load(map["array"]) if map["array"] else np.zeros(grid.shape, map["dtype"]) for map in entry["maps"]
    )
    segments = restore_segments(entry["segments"])
    return Segmentation(first, grid, segments, entry["name"], overlapping=tuple(others), **_restore_origin(entry))


def restore_segments(entries: list[Json]) -> tuple[Segment, ...]:
    """The inverse of asdict of each."""
    return tuple(Segment(**_tuples(entry)) for entry in entries)


def describe_transform(transform: Transform | None, store: Store) -> Json | None:
    if transform is None:
        return None
    field = None
    if transform.displacement is not None and transform.grid is not None:
        field = {**describe_grid(transform.grid), "array": store(transform.displacement)}
    return {
        "matrix": transform.matrix.tolist(),
        "field": field,
        "name": transform.name,
        "provenance": transform.provenance.to_json() if transform.provenance else None,
        "sign_off": asdict(transform.sign_off) if transform.sign_off else None,
    }


def restore_transform(entry: Json | None, load: Load) -> Transform | None:
    if entry is None:
        return None
    field, made, signed = entry["field"], entry["provenance"], entry["sign_off"]
    return Transform(
        np.array(entry["matrix"]),
        load(field["array"]) if field else None,
        restore_grid(field) if field else None,
        entry["name"],
        Provenance.from_json(made) if made else None,
        SignOff(**signed) if signed else None,
    )


def restore_landmark(entry: Json) -> LandmarkPair:
    """The inverse of asdict."""
    return LandmarkPair(**_tuples(entry))


def _origin(value: Volume | Segmentation) -> Json:
    return {
        "source": asdict(value.source),
        "badges": value.badges,
        "provenance": value.provenance.to_json() if value.provenance else None,
    }


def _restore_origin(entry: Json) -> Json:
    made = entry["provenance"]
    return {
        "source": Source(**_tuples(entry["source"])),
        "badges": tuple(entry["badges"]),
        "provenance": Provenance.from_json(made) if made else None,
    }


def _tuples(entry: Json) -> Json:
    return {name: tuple(part) if isinstance(part, list) else part for name, part in entry.items()}
