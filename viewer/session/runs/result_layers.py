"""What a plugin returned, as layers that wait for review and as the place of the image that it moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.compute.images.difference import difference
from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.segmentation import Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.scene.layer import VolumeLayer, difference_layer, volume_layer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viewer.plugin.execute import Result

MAP_OPACITY = 0.6
RunImages = dict[str, tuple[VolumeLayer, Volume]]  # by input: the layer, and the volume of it that was used


def result_layers(result: Result, given: RunImages, colormaps: Mapping[str, str]) -> list[VolumeLayer]:
    """A layer for every image, then for each that lies on the first input's grid its difference from it.

    Results take over the first input's window, and stand where the input does on whose grid they lie.
    colormaps: by output, of what is a map over the image: it comes in these colours and hidden, without a difference.
    Takes some time for large images: not for the main thread.
    """
    shown, first = next(iter(given.values()))
    made = {name: value for name, value in result.outputs.items() if isinstance(value, Volume)}
    layers: list[VolumeLayer] = []
    maps: list[VolumeLayer] = []
    for name, volume in made.items():
        layer = volume_layer((volume,), review="unreviewed", colormap=colormaps.get(name, "grey"))
        layer.transform = _place(volume, given)
        if name in colormaps:
            layer.visible, layer.opacity = False, MAP_OPACITY
        else:
            layer.window = shown.window
        (maps if name in colormaps else layers).append(layer)
    comparable = [layer.volumes[0] for layer in layers if layer.transform is shown.transform]
    changes = [
        difference_layer(difference(volume, first))
        for volume in comparable
        if not volume.color and volume.grid.matches(first.grid)
    ]
    for layer in changes:
        layer.transform = shown.transform
    return layers + changes + maps


def label_layers(result: Result, given: RunImages) -> list[SegmentationLayer]:
    """A layer for every label map, over the input on whose grid it lies; else over the first, as its file places it.

    The tables of a run belong to its first label map. Its segments are the algorithm's, and its voxels can be painted;
    those that overlap others come hidden, for they would tint them. Takes some time: not for the main thread.
    """
    layers = []
    for made in (value for value in result.outputs.values() if isinstance(value, Segmentation)):
        images = [layer for layer, volume in given.values() if made.grid.matches(volume.grid)]
        first, *others = (map if map.flags.writeable else map.copy() for map in made.maps)
        made = replace(made, array=first, overlapping=tuple(others))
        layer = segmentation_layer(made, next(iter(images), next(iter(given.values()))[0]))
        layer.review = "unreviewed"
        layer.hidden = frozenset(segment.key for segment in made.segments if segment.layer)
        layers.append(layer)
    for layer in layers[:1]:
        layer.tables = tuple(value for value in result.outputs.values() if isinstance(value, MeasurementTable))
    return layers


def _place(made: Volume, given: RunImages) -> Transform | None:
    """Where the input stands on whose grid an image was made: the one that it was brought onto, where there is one."""
    ordered = sorted(given, key=lambda name: name not in ("onto", "fixed"))
    return next((given[name][0].transform for name in ordered if made.grid.matches(given[name][1].grid)), None)


def found_transform(result: Result) -> Transform | None:
    """The transform that a plugin found, where it looked for one."""
    return next((value for value in result.outputs.values() if isinstance(value, Transform)), None)
