"""Values as JSON objects, and back; their arrays go where `store` puts them and come from where `load` finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.arrays import Json, blank_labels
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.transform import SignOff, Transform
from viewer.data.volume import Diffusion, Volume, Window
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

Store = Callable[[NDArray[Any]], str]  # an array -> what it can be found by
Load = Callable[[str], NDArray[Any]]
KEPT = ("id", "name", "review", "made_from")  # of a layer, as they are
KEPT_OF_IMAGES, KEPT_OF_SEGMENTS = ("made_at",), ("drawn_at",)
KEPT_OF_VOLUMES = ("name", "unit", "slope", "intercept", "inverted", "time")
LOOK = ("visible", "opacity")  # what is no edit
LOOK_OF_IMAGES = ("colormap", "window")
LOOK_OF_SEGMENTS = ("fill", "outline", "smooth", "active", "hidden", "locked")
Restored = VolumeLayer | SegmentationLayer
HINTS: dict[type, dict[str, Any]] = {}  # once they were asked for
T = TypeVar("T")


def from_json(kind: type[T], entry: Json) -> T:
    """The inverse of asdict for a frozen value. Raises TypeError or KeyError where the entry is none of that kind."""
    hints = _hints(kind)
    return kind(**{name: json_value(hints[name], value) for name, value in json_value(dict, entry).items()})


def json_value(hint: Any, value: Any) -> Any:
    """What JSON gave for a value of that type: lists become tuples. Raises TypeError where it is of another type."""
    origin, parts = get_origin(hint), get_args(hint)
    if not _fits(hint, value):
        raise TypeError(f"{type(value).__name__} for {hint}")
    if origin in (Union, UnionType):
        return next(json_value(part, value) for part in parts if _fits(part, value))
    if origin is tuple:
        return tuple(json_value(part, one) for part, one in zip(_each(parts, value), value, strict=True))
    if isinstance(hint, type) and is_dataclass(hint):
        return from_json(hint, value)
    if origin is frozenset:
        return frozenset(json_value(parts[0], one) for one in value)
    return float(value) if hint is float else value


def _fits(hint: Any, value: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(part, value) for part in parts)
    if origin is Literal:
        return value in parts
    if origin in (tuple, frozenset):
        return isinstance(value, list | tuple)
    if is_dataclass(hint) or origin is dict:
        return isinstance(value, dict)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)


def _each(parts: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    """The types of a tuple's places."""
    return parts[:1] * len(value) if parts[-1] is Ellipsis else parts


def _hints(kind: type) -> dict[str, Any]:
    """The types of its fields."""
    if kind not in HINTS:
        HINTS[kind] = get_type_hints(kind)
    return HINTS[kind]


def describe_grid(grid: Grid) -> Json:
    """The JSON object of a grid: shape, affine (4×4, LPS mm), frame of reference."""
    return {
        "shape": grid.shape,
        "affine": grid.affine.tolist(),
        "frame_of_reference": grid.frame_of_reference,
        "placed": grid.placed,
    }


def restore_grid(entry: Json) -> Grid:
    """The inverse of describe_grid. Raises KeyError or ValueError where the entry is none."""
    return Grid(tuple(entry["shape"]), np.array(entry["affine"]), entry["frame_of_reference"], entry["placed"])


def describe_volume(volume: Volume, store: Store) -> Json:
    """The JSON object of a volume; `store` gets its stored values [k, j, i]."""
    return {
        **describe_grid(volume.grid),
        "name": volume.name,
        "unit": volume.unit,
        "slope": volume.slope,
        "intercept": volume.intercept,
        "windows": [asdict(window) for window in volume.windows],
        "inverted": volume.inverted,
        "time": volume.time,
        "diffusion": volume.diffusion,
        **_origin(volume),
        "array": store(volume.array),
    }


def restore_volume(entry: Json, load: Load) -> Volume:
    """The inverse of describe_volume. Raises KeyError, TypeError or ValueError for an entry that is none."""
    return Volume(
        array=load(entry["array"]),
        grid=restore_grid(entry),
        windows=tuple(from_json(Window, window) for window in entry["windows"]),
        **{
            name: json_value(_hints(Volume)[name], entry[name])
            for name in ("name", "unit", "slope", "intercept", "inverted", "time")
        },
        diffusion=_restore_diffusion(entry.get("diffusion")),
        **_restore_origin(entry),
    )


def _restore_diffusion(entry: Any) -> Diffusion | None:
    """From b-value and direction; what an older version wrote has none. Raises TypeError where it is neither."""
    return None if entry is None else Diffusion(*json_value(tuple[float, tuple[float, float, float] | None], entry))


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
    """The inverse of describe_segmentation. Raises KeyError, TypeError or ValueError for an entry that is none."""
    grid = restore_grid(entry)
    first, *others = (
        load(map["array"]) if map["array"] else blank_labels(grid.shape, map["dtype"]) for map in entry["maps"]
    )
    segments = restore_segments(entry["segments"])
    return Segmentation(first, grid, segments, entry["name"], overlapping=tuple(others), **_restore_origin(entry))


def describe_given(given: GivenLabels | None, store: Store) -> Json | None:
    """The JSON object of what a model gave, None for None; `store` gets the packed labels, which nobody writes to."""
    if given is None:
        return None
    segments = [asdict(segment) for segment in given.segments]
    return {"segments": segments, "dtypes": given.dtypes, "array": store(given.packed)}


def restore_given(entry: Json | None, load: Load) -> GivenLabels | None:
    """The inverse of describe_given; None where an older version wrote none. Raises KeyError, TypeError, ValueError."""
    if entry is None:
        return None
    dtypes = json_value(tuple[str, ...], entry["dtypes"])
    return GivenLabels(restore_segments(entry["segments"]), dtypes, load(entry["array"]))


def restore_segments(entries: list[Json]) -> tuple[Segment, ...]:
    """The inverse of asdict of each."""
    return tuple(from_json(Segment, entry) for entry in entries)


def restore_table(entry: Json) -> MeasurementTable:
    """The inverse of MeasurementTable.to_json. Raises KeyError, TypeError or ValueError for an entry that is none."""
    origin = entry["provenance"]
    table = from_json(MeasurementTable, {**entry, "provenance": None})
    return replace(table, provenance=Provenance.from_json(origin) if origin else None)


def describe_transform(transform: Transform | None, store: Store) -> Json | None:
    """The JSON object of a transform, None for None; `store` gets its field [k, j, i, 3] in LPS mm."""
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
    """The inverse of describe_transform. Raises KeyError, TypeError or ValueError for an entry that is none."""
    if entry is None:
        return None
    field, origin, signed = entry["field"], entry["provenance"], entry["sign_off"]
    return Transform(
        np.array(entry["matrix"]),
        load(field["array"]) if field else None,
        restore_grid(field) if field else None,
        entry["name"],
        Provenance.from_json(origin) if origin else None,
        from_json(SignOff, signed) if signed else None,
    )


def restore_landmark(entry: Json) -> LandmarkPair:
    """The inverse of asdict."""
    return from_json(LandmarkPair, entry)


def restore_finding(entry: Json) -> FindingEntry:
    """The inverse of asdict. Raises KeyError, TypeError or ValueError for an entry that is none."""
    return from_json(FindingEntry, entry)


def describe_layer(layer: Layer, store: Store, store_labels: Store, *, voxels: bool = False) -> Json:
    """An image that came from a file is told by what it is and where that was, and only on demand by its voxels."""
    if not isinstance(layer, VolumeLayer | SegmentationLayer):
        raise TypeError(f"nobody knows how to describe the layer {type(layer).__name__}")
    entry = describe_look(layer) | {name: getattr(layer, name) for name in KEPT}
    entry["transform"] = describe_transform(layer.transform, store)
    if isinstance(layer, SegmentationLayer):
        entry |= {name: getattr(layer, name) for name in KEPT_OF_SEGMENTS}
        entry |= {"tables": [table.to_json() for table in layer.tables], "tables_current": layer.tables_current}
        given = describe_given(layer.given, store)
        return {**entry, "given": given, "segmentation": describe_segmentation(layer.segmentation, store_labels)}
    entry |= {name: getattr(layer, name) for name in KEPT_OF_IMAGES}
    if layer.image is not None and not voxels:
        files = [path.split("!")[0] for path in (*layer.image.source.files, *layer.image.beside)]
        return {**entry, "image": layer.image.key, "files": list(dict.fromkeys(files))}
    return {**entry, "volumes": [describe_volume(volume, store) for volume in layer.volumes]}


def describe_look(layer: Layer) -> Json:
    """How a layer is looked at."""
    look = {name: getattr(layer, name) for name in LOOK}
    if isinstance(layer, VolumeLayer):
        return {**look, "colormap": layer.colormap, "window": asdict(layer.window)}
    if isinstance(layer, SegmentationLayer):
        look |= {name: getattr(layer, name) for name in LOOK_OF_SEGMENTS}
        look |= {"hidden": sorted(layer.hidden), "locked": sorted(layer.locked)}
    return look


def restore_look(layer: Restored, entry: Json) -> None:
    """Raises KeyError or TypeError where the entry is none of describe_look; nothing is changed then."""
    own = LOOK_OF_IMAGES if isinstance(layer, VolumeLayer) else LOOK_OF_SEGMENTS
    found = {name: entry[name] for name in (*LOOK, *own) if name in entry}
    for name, value in _values(layer, found).items():
        setattr(layer, name, value)


def restore_layer(entry: Json, image: Callable[[str], VolumeLayer | None], load: Load) -> Restored | None:
    """The layer of an entry, None where its image is gone. image: a new layer of the image of that key, or None."""
    layer: Restored | None
    if "segmentation" in entry:
        layer = segmentation_layer(restore_segmentation(entry["segmentation"], load))
        layer.given = restore_given(entry.get("given"), load)
        layer.tables = tuple(restore_table(table) for table in entry.get("tables", ()))
        layer.measured = 0 if entry.get("tables_current", True) else -1
    elif "image" in entry:
        layer = image(entry["image"])
    else:
        layer = VolumeLayer(volumes=tuple(restore_volume(volume, load) for volume in entry["volumes"]))
    if layer is None:
        return None
    own = KEPT_OF_IMAGES if isinstance(layer, VolumeLayer) else KEPT_OF_SEGMENTS
    for name, value in _values(layer, {name: entry[name] for name in (*KEPT, *own) if name in entry}).items():
        setattr(layer, name, value)
    restore_look(layer, entry)
    layer.transform = restore_transform(entry.get("transform"), load)
    return layer


def _values(layer: Restored, entry: Json) -> Json:
    """Fields of a layer from what JSON gave for them."""
    hints = _hints(type(layer))
    plain = {name: json_value(hints[name], value) for name, value in entry.items() if name != "window"}
    return {**plain, "window": from_json(Window, entry["window"])} if "window" in entry else plain


def _origin(value: Volume | Segmentation) -> Json:
    return {
        "source": asdict(value.source),
        "badges": value.badges,
        "provenance": value.provenance.to_json() if value.provenance else None,
    }


def _restore_origin(entry: Json) -> Json:
    origin = entry["provenance"]
    return {
        "source": from_json(Source, entry["source"]),
        "badges": json_value(tuple[str, ...], entry["badges"]),
        "provenance": Provenance.from_json(origin) if origin else None,
    }
