"""Segmentations from files, and to files."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from viewer.compute.fit_grid import apart
from viewer.data.segmentation import Segmentation
from viewer.plugin.segmenting import Segmenting
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.scene.task import Message, Task

OTHER_PATIENT = "of another patient"  # the badge of a segmentation that lies over somebody else's image
OTHER_FRAME = "in another frame of reference"  # where it lies among the images is then not known


class SegmentFiles(Segmenting):
    """Files are read and written by the reader's processes (viewer.io.segmentation_file)."""

    def open_segmentation(self, path: Path) -> Task:
        """Show the segments of a file over the image whose grid they have, else where their geometry puts them."""
        task = self.add_task("load", f"Open {path.name}")
        task.begin()

        def done(found: Segmentation) -> None:
            if not task.running:
                return
            layer = self._placed(found)
            layer.saved = 0
            self.add_segmentation(layer)
            task.end("done")

        layers = sorted(self.document.volume_layers, key=lambda layer: layer.id != self.state.active)
        running = self.reader.call(
            "viewer.io.segmentation_file:read_segmentation",
            path,
            [layer.grid for layer in layers],
            done=done,
            failed=partial(self.fail, task),
        )

        def stop() -> None:
            running.cancel()
            task.end("cancelled")

        task.stop = stop
        return task

    def save_segmentation(self, layer: SegmentationLayer, target: Path, *, overwrite: bool = False) -> Task:
        """Write a segmentation as it is now; the ending chooses the form. "Saved" is said only after it was read back
        and compared."""
        task = self.add_task("save", f"Save {layer.name}")
        task.begin()
        first, *others = (array.copy() for array in layer.segmentation.maps)  # strokes go on meanwhile
        now = replace(layer.segmentation, array=first, overlapping=tuple(others))
        generation, mark = layer.generation, "" if layer.review == "source" else layer.badges[0]

        def done(saved: Any) -> None:
            layer.saved = generation
            task.end("done")
            text = f"Saved and verified: {target.name}, {saved.bytes / 2**20:.1f} MB. {' '.join(saved.note)}"
            self.message.emit(Message(text.strip()))

        self.reader.call(
            "viewer.io.segmentation_file:save", now, target, mark, overwrite, done=done, failed=partial(self.fail, task)
        )
        return task

    def _placed(self, found: Segmentation) -> SegmentationLayer:
        """Over the image that it labels: the active one before others. Over another patient's it says so."""
        images = sorted(self.document.volume_layers, key=lambda layer: layer.id != self.state.active)
        own = [layer for layer in images if _may_be_of(found, layer)]
        near = [layer for layer in own if not apart(layer.grid, found.grid)]
        under = next((layer for layer in near if layer.grid.matches(found.grid)), None)
        if images and not own:
            found = replace(found, badges=(*found.badges, OTHER_PATIENT))
        elif own and not near:
            found = replace(found, badges=(*found.badges, OTHER_FRAME))
        return segmentation_layer(found, under)


def _may_be_of(found: Segmentation, layer: VolumeLayer) -> bool:
    """Whether nothing says that a segmentation is of another person than an image; many files do not tell."""
    source = found.source
    return not (source.patient_id or source.patient_name) or layer.source.same_patient(source)
