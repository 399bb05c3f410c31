"""Review: what is decided about results, and the trail that every decision leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.scene.edits import ReviewLayer
from viewer.session.review.audit_trail import AuditTrail

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.scene.history import History
    from viewer.scene.layer import Layer
    from viewer.scene.layer import Review as Verdict


class Review:
    """trail: hears of every decision, whichever way it is made. warn: gets one sentence where it cannot be written."""

    def __init__(self, history: History, warn: Callable[[str], None]) -> None:
        self._history = history
        self.trail = AuditTrail(history.document, warn)

    def decide(self, layer: Layer, verdict: Verdict) -> None:
        """Accept or reject a result, or open it again: one step of the history."""
        if verdict != layer.review:
            self._history.do(ReviewLayer(layer, layer.review, verdict))
