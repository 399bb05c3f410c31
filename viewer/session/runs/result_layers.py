"""What a plugin returned, as layers that wait for review and as the place of the image that it moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from viewer.compute.images.difference import difference
from viewer.data.annotations.doubt import ENTROPY
from viewer.data.annotations.finding import SALIENCY, Finding, Findings
from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.segmentation import Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.scene.findings.finding_list import FindingEntry, ReadingOrder
from viewer.scene.layer import Layer, VolumeLayer, difference_layer, doubt_layer, heat_map_layer, volume_layer
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from viewer.plugin.execute import Result

RunImages = dict[str, tuple[VolumeLayer, Volume]]  # by input: the layer, and the volume of it that was used


def result_layers(result: Result, given: RunImages) -> list[VolumeLayer]:
    """A layer for every image, then for each that lies on the first input's grid its difference from it.

    Doubt and heat maps have their own colours, and no difference. Others take over the first input's window; all stand
    where the input does on whose grid they lie.
    Takes some time for large images: not for the main thread.
    """
    shown, first = next(iter(given.values()))
    made = [value for value in result.outputs.values() if isinstance(value, Volume)]
    layers = [_volume_layer(volume) for volume in made]
    for layer in layers:
        layer.transform = _place(layer.volumes[0], given)
        layer.window = layer.window if layer.is_doubt or layer.is_heat_map else shown.window
    images = [layer for layer in layers if not (layer.is_doubt or layer.is_heat_map)]
    comparable = [layer.volumes[0] for layer in images if layer.transform is shown.transform]
    changes = [
        difference_layer(difference(volume, first))
        for volume in comparable
        if not volume.color and volume.grid.matches(first.grid)
    ]
    for layer in changes:
        layer.transform = shown.transform
    return layers + changes


def _volume_layer(volume: Volume) -> VolumeLayer:
    if volume.unit == ENTROPY:
        return doubt_layer(volume)
    return heat_map_layer(volume) if volume.unit == SALIENCY else volume_layer((volume,), review="unreviewed")


def finding_entries(
    result: Result, image: VolumeLayer, layers: Sequence[Layer], title: str, reading: ReadingOrder
) -> list[FindingEntry]:
    """An entry for every finding of a run on an image, or for its refusal; regions and heat maps by their layers' ids.

    layers: those of the result. title: of the plugin.
    """
    made = {layer.name: layer.id for layer in layers}
    named = {name: made.get(getattr(value, "name", ""), "") for name, value in result.outputs.items()}
    run, found = uuid4().hex, [value for value in result.outputs.values() if isinstance(value, Findings)]
    return [
        FindingEntry(image.id, _placed(one, named), None, run, title, reading)
        if isinstance(one, Finding)
        else FindingEntry(image.id, None, one, run, title, reading)
        for value in found
        for one in value.entries
    ]


def _placed(finding: Finding, named: Mapping[str, str]) -> Finding:
    region = finding.segment and replace(finding.segment, segmentation=named[finding.segment.segmentation])
    return replace(finding, segment=region, heat_map=named[finding.heat_map] if finding.heat_map else "")


def label_layers(result: Result, given: RunImages) -> list[SegmentationLayer]:
    """A layer for every label map, over the input on whose grid it lies; else over the first, as its file places it.

    The tables of a run belong to its first label map. Its segments wait for review, one by one; its voxels can be
    painted, and what came is kept beside; segments that overlap others come hidden, for they would tint them. Takes
    some time: not for the main thread.
    """
    layers = []
    for made in (value for value in result.outputs.values() if isinstance(value, Segmentation)):
        images = [layer for layer, volume in given.values() if made.grid.matches(volume.grid)]
        first, *others = (map if map.flags.writeable else map.copy() for map in made.maps)
        made = replace(made, array=first, overlapping=tuple(others))
        layer = segmentation_layer(made, next(iter(images), next(iter(given.values()))[0]))
        layer.review, layer.given = "unreviewed", GivenLabels.of(made)
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
