"""Ends what holds images against each other once they are no longer what is to be seen."""

from __future__ import annotations

from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer
from viewer.scene.view_state import ViewState


class ComparisonWatch:
    """Follows which images are visible, whoever shows or hides them.

    A comparison and an inspection take the place of the visible layers, so they end where one of their pair is hidden
    or removed, or where another image is shown: it would not be seen. Side by side, the named layers give way likewise.
    A drawing of a transform goes with its layer.
    """

    def __init__(self, document: Document, state: ViewState) -> None:
        self._document, self._state = document, state
        self._before: set[str] = set()
        for signal in (document.inserted, document.removed, document.visibility):
            signal.connect(self._look)

    def _look(self, *_: object) -> None:
        now = {layer.id for layer in self._document.volume_layers if layer.visible}
        came, went = now - self._before, self._before - now
        self._before = now
        if came or went:
            self._end(came, went)

    def _end(self, came: set[str], went: set[str]) -> None:
        state = self._state
        if state.comparison:
            pair = {state.comparison.fixed, state.comparison.moving}
            if went & pair or came - pair:
                state.comparison = None
        if state.inspection:
            result = self._document.find(state.inspection.result)
            pair = {state.inspection.result, result.made_from if isinstance(result, VolumeLayer) else ""}
            if went & pair or came - pair:
                state.inspection = None
        if state.deformation and state.deformation.layer in went:
            state.deformation = None
        if came - set(state.compared):
            state.compared = ()
