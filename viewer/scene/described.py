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
from viewer.data.volume import Diffusion, Volume, Window
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

Json = dict[str, Any]
Store = Callable[[NDArray[Any]], str]  # an array -> what it can be found by
Load = Callable[[str], NDArray[Any]]
KEPT = ("id", "name", "visible", "opacity", "review", "made_from")  # of a layer, as they are
KEPT_OF_IMAGES = ("colormap", "made_at")
KEPT_OF_SEGMENTS = ("fill", "outline", "smooth", "drawn_at")
Restored = VolumeLayer | SegmentationLayer


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
        "diffusion": volume.diffusion,
        **_origin(volume),
        "array": store(volume.array),
    }


def restore_volume(entry: Json, load: Load) -> Volume:
    return Volume(
        array=load(entry["array"]),
        grid=restore_grid(entry),
        windows=tuple(Window(**window) for window in entry["windows"]),
        **{name: entry[name] for name in ("name", "unit", "slope", "intercept", "inverted", "time")},
        diffusion=_restore_diffusion(entry.get("diffusion")),
        **_restore_origin(entry),
    )


def _restore_diffusion(entry: list[Any] | None) -> Diffusion | None:
    """From b-value and direction; what an older version wrote has none."""
    return Diffusion(entry[0], tuple(entry[1]) if entry[1] else None) if entry else None


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


def describe_layer(layer: Layer, store: Store, store_labels: Store, *, voxels: bool = False) -> Json:
    """An image that came from a file is told by what it is and where that was, and only on demand by its voxels."""
    if not isinstance(layer, VolumeLayer | SegmentationLayer):
        raise TypeError(f"nobody knows how to describe the layer {type(layer).__name__}")
    look: Json = {name: getattr(layer, name) for name in KEPT}
    look["transform"] = describe_transform(layer.transform, store)
    if isinstance(layer, SegmentationLayer):
        look |= {name: getattr(layer, name) for name in KEPT_OF_SEGMENTS}
        look |= {"active": layer.active, "hidden": sorted(layer.hidden), "locked": sorted(layer.locked)}
        return {**look, "segmentation": describe_segmentation(layer.segmentation, store_labels)}
    look |= {name: getattr(layer, name) for name in KEPT_OF_IMAGES}
    look["window"] = asdict(layer.window)
    if layer.image is not None and not voxels:
        files = [path.split("!")[0] for path in layer.image.source.files]
        return {**look, "image": layer.image.key, "files": list(dict.fromkeys(files))}
    return {**look, "volumes": [describe_volume(volume, store) for volume in layer.volumes]}


def restore_layer(entry: Json, image: Callable[[str], VolumeLayer | None], load: Load) -> Restored | None:
    """image: a new layer of the image of that key; None where it is gone, which makes this None, too."""
    layer: Restored | None
    if "segmentation" in entry:
        layer = segmentation_layer(restore_segmentation(entry["segmentation"], load))
        layer.active = tuple(entry["active"]) if entry.get("active") else None
        layer.hidden, layer.locked = (frozenset(map(tuple, entry.get(name, ()))) for name in ("hidden", "locked"))
    elif "image" in entry:
        layer = image(entry["image"])
    else:
        layer = VolumeLayer(volumes=tuple(restore_volume(volume, load) for volume in entry["volumes"]))
    if layer is None:
        return None
    for name in (name for name in (*KEPT, *KEPT_OF_IMAGES, *KEPT_OF_SEGMENTS) if name in entry):
        setattr(layer, name, entry[name])
    if isinstance(layer, VolumeLayer):
        layer.window = Window(**entry["window"])
    layer.transform = restore_transform(entry.get("transform"), load)
    return layer


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
