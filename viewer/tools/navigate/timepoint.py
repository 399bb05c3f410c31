"""Through the time points of a 4-D image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.render.view import MouseEvent, View
    from viewer.scene.document import Document


class TimepointTool(Tool):
    """Towards the user: the next time point."""

    id = "timepoint"
    title = "Time point"
    icon = "time-line"
    _rest = 0.0

    def wheel(self, view: View, event: MouseEvent) -> None:
        """Go one time point a notch."""
        self._rest -= event.steps
        whole = int(self._rest)
        self._rest -= whole
        last = timepoints(self.document) - 1
        self.state.timepoint = min(max(self.state.timepoint + whole, 0), max(last, 0))


def timepoints(document: Document) -> int:
    """How many time points the longest image has; 0 without images."""
    return max((len(layer.volumes) for layer in document.volume_layers), default=0)
