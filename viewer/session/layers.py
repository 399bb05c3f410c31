"""The verbs for layers that are there: their names, their order, and whether they are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.scene.edits import ChangeLandmark, MoveLayer, RemoveLayer, RenameLayer
from viewer.scene.findings.edits import remove_findings

if TYPE_CHECKING:
    from viewer.scene.document import Document
    from viewer.scene.history import History
    from viewer.scene.layer import Layer, VolumeLayer
    from viewer.scene.view_state import ViewState

OVERLAY_COLORMAP, OVERLAY_OPACITY = "hot iron", 0.5  # of an image that is laid over another one


@dataclass(eq=False)
class Layers:
    """Names and order are steps of the history; what is seen is not."""

    document: Document
    state: ViewState
    history: History

    def rename(self, layer: Layer, name: str) -> None:
        """Give a layer another name, as one step; an empty one changes nothing."""
        if name and name != layer.name:
            self.history.do(RenameLayer(layer, layer.name, name))

    def remove(self, layer: Layer) -> None:
        """Close a layer, as one step."""
        self.history.do(RemoveLayer(layer, self.document.index(layer.id)))

    def move(self, layer: Layer, to: int) -> None:
        """Change the order; `to` counts from the bottom."""
        before = self.document.index(layer.id)
        if before != to:
            self.history.do(MoveLayer(layer, before, to))

    def clear(self) -> None:
        """Remove all layers, landmarks and findings for good: it cannot be undone."""
        if len(self.document.findings):
            self.history.do(remove_findings(self.document, "Remove findings", self.document.findings))
        for pair in self.document.landmarks:
            place = self.document.landmarks.index(pair.id)
            self.history.do(ChangeLandmark(pair, None, place))
        for layer in self.document:
            self.remove(layer)
        self.history.forget()

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

    def centre(self, layer: VolumeLayer) -> None:
        """Put the cross-hair into the middle of a layer, at its first time point."""
        x, y, z = (float(mm) for mm in layer.world_grid.centre)
        self.state.crosshair = (x, y, z)
        self.state.timepoint = 0
