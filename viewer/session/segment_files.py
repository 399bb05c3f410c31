"""Segmentations from files, and to files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.compute.labels.fit_grid import different_frames
from viewer.data.transform import ImageReference
from viewer.io import requests
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.scene.task import Message, Task

if TYPE_CHECKING:  # SimpleITK comes with it: not before the window is there
    from pathlib import Path

    from viewer.data.segmentation import Segmentation
    from viewer.io.images.save import SaveReport
    from viewer.io.reader.reader import Reader
    from viewer.scene.document import Document
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.view_state import ViewState
    from viewer.session.segments import Segments
    from viewer.session.tasks import Messages, Tasks

OTHER_PATIENT = "of another patient"  # the badge of a segmentation that lies over somebody else's image
OTHER_FRAME = "in another frame of reference"  # where it lies among the images is then not known


@dataclass(eq=False)
class SegmentFiles:
    """Files are read and written by the reader's processes (viewer.io.segmentations.segmentation_file)."""

    document: Document
    state: ViewState
    reader: Reader
    segments: Segments
    tasks: Tasks
    messages: Messages

    def open(self, path: Path) -> Task:
        """Show the segments of a file over the image whose grid they have, else where their geometry puts them."""
        task = self.tasks.add("load", f"Open {path.name}")
        task.begin()

        def done(found: Segmentation) -> None:
            if not task.running:
                return
            layer = self._placed(found)
            layer.saved = 0
            self.segments.add_layer(layer)
            task.end("done")
            if layer.made_from == "" and found.source.series_uid:
                self.messages.warn(
                    f"{path.name}: the images that it refers to are not shown: its own geometry places it."
                )

        layers = sorted(self.document.volume_layers, key=lambda layer: layer.id != self.state.active)
        running = self.reader.call(
            requests.read_segmentation,
            path,
            [ImageReference(layer.grid, layer.source) for layer in layers],
            done=done,
            failed=partial(self.tasks.fail, task),
        )
        task.stop_with(running.cancel)
        return task

    def save(self, layer: SegmentationLayer, target: Path, *, overwrite: bool = False) -> Task:
        """Write a segmentation as it is now; the ending chooses the form.

        "Saved" is said only after it was read back and compared.
        """
        task = self.tasks.add("save", f"Save {layer.name}")
        task.begin()
        first, *others = (array.copy() for array in layer.segmentation.maps)  # strokes go on meanwhile
        now = replace(layer.segmentation, array=first, overlapping=tuple(others))
        generation, mark = layer.generation, "" if layer.review == "source" else layer.badges[0]

        def done(saved: SaveReport) -> None:
            layer.saved = generation
            task.end("done")
            text = f"Saved and verified: {target.name}, {saved.bytes / 2**20:.1f} MB. {' '.join(saved.note)}"
            self.messages.add(Message(text.strip()))

        self.reader.call(
            requests.save_segmentation,
            now,
            target,
            mark,
            overwrite,
            done=done,
            failed=partial(self.tasks.fail, task),
        )
        return task

    def _placed(self, found: Segmentation) -> SegmentationLayer:
        """Over the image that it labels: the one it refers to, then the active one, before others.

        Over another patient's it says so.
        """
        images = sorted(
            self.document.volume_layers,
            key=lambda layer: (layer.source.series_uid != found.source.series_uid, layer.id != self.state.active),
        )
        own = [layer for layer in images if _may_be_of(found, layer)]
        near = [layer for layer in own if not different_frames(layer.grid, found.grid)]
        under = next((layer for layer in near if layer.grid.matches(found.grid)), None)
        if images and not own:
            found = replace(found, badges=(*found.badges, OTHER_PATIENT))
        elif own and not near:
            found = replace(found, badges=(*found.badges, OTHER_FRAME))
        layer = segmentation_layer(found, under)
        layer.drawn_at = _drawn_at(found, under) if under is not None else None
        return layer


def _drawn_at(found: Segmentation, image: VolumeLayer) -> int | None:
    """The one time point of an image whose files a segmentation refers to; None where it tells none, or several."""
    referred, count = set(found.source.sop_instance_uids), len(image.volumes)
    sources = [volume.source.of_timepoint(n, count, volume.grid.shape[0]) for n, volume in enumerate(image.volumes)]
    times = [n for n, source in enumerate(sources) if referred & set(source.sop_instance_uids)]
    return times[0] if len(times) == 1 < count else None


def _may_be_of(found: Segmentation, layer: VolumeLayer) -> bool:
    """Whether nothing says that a segmentation is of another person than an image."""
    return layer.source.patient_match(found.source) != "different"
