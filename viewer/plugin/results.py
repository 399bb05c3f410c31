"""What a plugin returned, as layers that wait for review."""

from __future__ import annotations

from viewer.compute.difference import difference
from viewer.data.volume import Volume
from viewer.plugin.run import Result
from viewer.scene.layer import VolumeLayer, difference_layer, volume_layer


def result_layers(result: Result, shown: VolumeLayer, given: Volume) -> list[VolumeLayer]:
    """A layer for every image, then for each that lies on the input's grid its difference from it.

    shown, given: the first input's layer and the volume of it that was used; results take over its window.
    Takes some time for large images: not for the main thread.
    """
    made = [value for value in result.outputs.values() if isinstance(value, Volume)]
    layers = [volume_layer((volume,), review="unreviewed") for volume in made]
    for layer in layers:
        layer.window = shown.window
    comparable = [volume for volume in made if not volume.color and volume.grid.matches(given.grid)]
    return layers + [difference_layer(difference(volume, given)) for volume in comparable]
