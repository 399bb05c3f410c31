"""The part of a session that needs no process: the document, its history and journal, and how it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from viewer.data.transform import SignOff, Transform
from viewer.scene.compare.comparison_watch import ComparisonWatch
from viewer.scene.document import Document
from viewer.scene.edits import AlignLayer, ChangeLandmark, MoveLayer, RemoveLayer, RenameLayer, ReviewLayer
from viewer.scene.history import History
from viewer.scene.journal.journal import JournalKeeper
from viewer.scene.journal.replay import Recovery, unfinished
from viewer.scene.journal.view_snapshot import ViewSnapshots, restore_view
from viewer.scene.layer import Layer, Review, VolumeLayer
from viewer.scene.preview.display_requests import DisplayRequests
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.task import Message
from viewer.scene.view_state import ViewState
from viewer.session.tasks import Tasks

OVERLAY_COLORMAP, OVERLAY_OPACITY = "hot iron", 0.5  # of an image that is laid over another one


class Workspace(Tasks):
    """journals: the folder of the journals. post: runs a function on the main thread."""

    def __init__(self, post: Callable[[Callable[[], None]], None], journals: Path) -> None:
        super().__init__(post)
        self._journals = journals
        self._keeper = JournalKeeper(journals, lambda text: post(partial(self.warn, text)))
        self.document = Document()
        self.state = ViewState()
        self.display_requests = DisplayRequests(self.document)
        self._watch = ComparisonWatch(self.document, self.state)
        self.history = History(self.document, record=self._keeper.record)
        self.paths: list[str] = []  # the folders and files that were opened
        self._snapshots = ViewSnapshots(self.document, self.state, self.paths, self._keeper.write_view)

    def review(self, layer: Layer, state: Review) -> None:
        """Accept or reject a result, or open it again."""
        if state != layer.review:
            self.history.do(ReviewLayer(layer, layer.review, state))

    def rename(self, layer: Layer, name: str) -> None:
        if name and name != layer.name:
            self.history.do(RenameLayer(layer, layer.name, name))

    def remove(self, layer: Layer) -> None:
        self.history.do(RemoveLayer(layer, self.document.index(layer.id)))

    def clear(self) -> None:
        """Close everything for good: nothing of it can be undone or recovered. What is to stay was saved before."""
        for pair in self.document.landmarks:
            place = self.document.landmarks.index(pair.id)
            self.history.do(ChangeLandmark(pair, None, place))
        for layer in self.document:
            self.remove(layer)
        self.history.forget()
        self._keeper.close()

    def move(self, layer: Layer, to: int) -> None:
        """Change the order; `to` counts from the bottom."""
        before = self.document.index(layer.id)
        if before != to:
            self.history.do(MoveLayer(layer, before, to))

    def align(self, layer: VolumeLayer, transform: Transform | None, *, gesture: str = "") -> None:
        """Place an image by another transform (world to image), None for where its file puts it.

        One step of the history; the steps of one gesture are one. Large fields are written to the journal here: `keep`
        them in the background first.
        """
        if transform is not layer.transform:
            self.history.do(AlignLayer(layer, layer.transform, transform, gesture))

    def sign_off(self, layer: VolumeLayer, verdict: Literal["accepted", "rejected"], reader: str, remark: str) -> None:
        """Say of the registration that places an image whether it may be used.

        Raises ValueError where there is none.
        """
        if layer.transform is None:
            raise ValueError(f"{layer.name} is where its file puts it: there is no registration to sign off.")
        said = SignOff(verdict, reader, remark, datetime.now().astimezone().isoformat(timespec="seconds"))
        self.align(layer, replace(layer.transform, sign_off=said))

    def show(self, layer: VolumeLayer, *, overlay: bool) -> None:
        """Make a layer visible: over the others, or in their place."""
        if overlay and self.document.base not in (None, layer):
            layer.opacity, layer.colormap = OVERLAY_OPACITY, OVERLAY_COLORMAP
        else:
            for other in self.document:
                other.visible = False
            self.centre(layer)
        layer.visible = True
        self.state.active = layer.id

    def arrive(self, layer: VolumeLayer) -> None:
        """Show an image that was asked for, with its first slice, unless another one was shown meanwhile."""
        overlay = self.display_requests.take(layer.image.key) if layer.image else False
        if overlay is not None:
            self.show(layer, overlay=overlay)
            return
        layer.visible = False
        text = f"{layer.name} is there, but hidden, as another image was shown meanwhile: show it in the tab Layers."
        self.message.emit(Message(text))

    def centre(self, layer: VolumeLayer) -> None:
        """Put the cross-hair into the middle of a layer, at its first time point."""
        x, y, z = (float(mm) for mm in layer.world_grid.centre)
        self.state.crosshair = (x, y, z)
        self.state.timepoint = 0

    def recoverable(self) -> list[Recovery]:
        """What sessions that did not end cleanly have left."""
        return unfinished(self._journals)

    def look_again(self, recovery: Recovery) -> None:
        """Look at what was recovered as it was looked at. Where that is not known, or what was seen is not back, at the
        image that came last: those of several patients are never laid over each other."""
        try:
            restore_view(recovery.view or {}, self.document, self.state)
            known = self.document.base is not None
        except (KeyError, TypeError, ValueError):
            known = False
        if not known and self.document.volume_layers:
            self.show(self.document.volume_layers[-1], overlay=False)
        elif self.document.base and self.document.find(self.state.active) is None:
            self.state.active = self.document.base.id

    def keep(
        self, layers: Iterable[VolumeLayer | SegmentationLayer], transforms: Iterable[Transform | None] = ()
    ) -> None:
        """Write what the journal needs of layers and transforms before they come. Slow for large ones: in the
        background."""
        layers = tuple(layers)
        placed = [layer.transform for layer in layers] + list(transforms)
        made = [layer for layer in layers if isinstance(layer, VolumeLayer) and not layer.image]
        voxels = [volume.array for layer in made for volume in layer.volumes]
        self._keeper.store(voxels + [one.displacement for one in placed if one and one.displacement is not None])
        labelled = [layer.segmentation.maps for layer in layers if isinstance(layer, SegmentationLayer)]
        self._keeper.store((map for maps in labelled for map in maps if map.any()), packed=True)

    def close(self) -> None:
        """Wait for what runs in the background; a clean end leaves nothing to recover."""
        self.end_work()
        self._snapshots.close()
        self._keeper.close()
