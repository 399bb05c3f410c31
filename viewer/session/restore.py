"""The layers of an earlier session: images read again from where they were, the others from the journal."""

from __future__ import annotations

import logging
from collections.abc import Callable

from viewer.io.reader.reader import OpenError, Reader, index_now, load_now
from viewer.scene.journal.edit_codec import LayersById
from viewer.scene.journal.replay import Recovery
from viewer.scene.layer import VolumeLayer, volume_layer

log = logging.getLogger(__name__)


def read_again(recovery: Recovery, reader: Reader, progress: Callable[[float], None]) -> tuple[LayersById, int]:
    """Every layer by id, and how many cannot be read any more. Blocks: not for the main thread."""
    found: dict[str, VolumeLayer] = {}
    for number, (key, files) in enumerate(recovery.images.items()):
        progress(number / len(recovery.images))
        images, _ = index_now(files, reader)
        try:
            for image in (one for file in images for one in file.placements if one.key == key):
                found[key] = volume_layer(load_now(image, reader), image=image)
        except OpenError:
            log.warning("an image of the recovered session can no longer be read")
    layers = recovery.layers(found.get)
    return layers, recovery.layer_count - len(layers)
