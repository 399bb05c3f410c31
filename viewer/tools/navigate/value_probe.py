"""The value under the mouse, for the status bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.scene.findings.visibility import hidden_layers
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.data.segmentation import Segment
    from viewer.render.view import MouseEvent, View
    from viewer.scene.layer import VolumeLayer


@dataclass(frozen=True)
class ProbeValue:
    """What lies at a place, each image read where its own transform puts it.

    world: LPS mm. index: voxel (k, j, i) of the first layer, None outside it.
    values: the images shown there, top first, each with its physical value (RGB for colour; None outside).
    segments: those that are shown there, top first.
    """

    world: tuple[float, float, float]
    index: tuple[int, int, int] | None
    values: tuple[tuple[VolumeLayer, float | tuple[int, ...] | None], ...]
    segments: tuple[Segment, ...] = ()


class ProbeTool(Tool):
    """Reads every visible image wherever the mouse is; None where it left the views."""

    reading = Signal(object)  # Reading | None

    def follow(self, view: View) -> None:
        """Listen to a view."""
        view.mouse.connect(self._mouse)

    def _mouse(self, view: View, event: MouseEvent) -> None:
        world = None if event.kind == "leave" else view.world_at(event.x, event.y)
        self.reading.emit(None if world is None else self.read(world))

    def read(self, world: tuple[float, float, float]) -> ProbeValue | None:
        """What the images hold at a world position (mm); None without images."""
        shown = [layer for layer in reversed(self.document.volume_layers) if layer.visible]
        if not shown:
            return None
        now = self.state.timepoint
        index = shown[0].volume(now).grid.nearest(shown[0].own_place(world))
        values = tuple((layer, layer.value_at(world, now)) for layer in shown)
        return ProbeValue(world, index, values, self._segments(world))

    def _segments(self, world: tuple[float, float, float]) -> tuple[Segment, ...]:
        """Those that slices show at a place."""
        layers = self.document.shown_segmentations if self.state.show_overlays else ()
        hidden = hidden_layers(self.document, self.state)
        return tuple(
            segment
            for layer in reversed(layers)
            if layer.is_at(self.state.timepoint) and layer.id not in hidden
            for segment in reversed(layer.segments_at(world))
            if segment.key not in layer.hidden
        )
