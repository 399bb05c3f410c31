"""What a plugin returned, as layers that wait for review and as the place of the image that it moved."""

from __future__ import annotations

from viewer.compute.difference import difference
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.plugin.run import Result
from viewer.scene.layer import VolumeLayer, difference_layer, volume_layer

Given = dict[str, tuple[VolumeLayer, Volume]]  # by input: the layer, and the volume of it that was used


def result_layers(result: Result, given: Given) -> list[VolumeLayer]:
    """A layer for every image, then for each that lies on the first input's grid its difference from it.

    Results take over the first input's window, and stand where the input does on whose grid they lie.
    Takes some time for large images: not for the main thread.
    """
    shown, first = next(iter(given.values()))
    made = [value for value in result.outputs.values() if isinstance(value, Volume)]
    layers = [volume_layer((volume,), review="unreviewed") for volume in made]
    comparable = [volume for volume in made if not volume.color and volume.grid.matches(first.grid)]
    changes = [difference_layer(difference(volume, first)) for volume in comparable]
    for layer in layers:
        layer.window = shown.window
    for layer in (*layers, *changes):
        grid = layer.volumes[0].grid
        layer.transform = next((one.transform for one, volume in given.values() if grid.matches(volume.grid)), None)
    return layers + changes


def found_transform(result: Result) -> Transform | None:
    """The transform that a plugin found, where it looked for one."""
    return next((value for value in result.outputs.values() if isinstance(value, Transform)), None)
