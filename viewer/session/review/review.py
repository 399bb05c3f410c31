"""Review: what is decided about results, and the trail that every decision leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.scene.edits import CompositeEdit, ReviewLayer
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.verdicts import ACCEPTED, REOPENED, with_verdicts
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.session.review.audit_trail import AuditTrail
from viewer.session.review.finding_review import FindingReview
from viewer.session.review.structure_review import StructureReview

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.scene.edits import Edit
    from viewer.scene.history import History
    from viewer.scene.layer import Layer
    from viewer.scene.layer import Review as Verdict
    from viewer.session.background import Background
    from viewer.session.tasks import Tasks


class Review:
    """trail: hears of every decision, whichever way it is made. warn: gets one sentence where it cannot be written.

    structures: decisions on the structures of a segmentation, one by one. findings: decisions on findings.
    """

    def __init__(self, history: History, background: Background, tasks: Tasks, warn: Callable[[str], None]) -> None:
        self._history = history
        self.trail = AuditTrail(history.document, warn)
        self.structures = StructureReview(history, background, tasks, self.trail)
        self.findings = FindingReview(history, background, tasks, self.trail)

    def decide(self, layer: Layer, verdict: Verdict) -> None:
        """Accept or reject a result, or open it again: one step of the history.

        With a segmentation its undecided structures are accepted, or its accepted ones opened again.
        """
        if verdict == layer.review:
            return
        edits: list[Edit] = []
        if isinstance(layer, SegmentationLayer) and verdict != "rejected":
            before = layer.segmentation.segments
            after = with_verdicts(before, ACCEPTED if verdict == "accepted" else REOPENED)
            edits += [EditLabels(layer, "Review", before, after)] if after != before else []
        review = ReviewLayer(layer, layer.review, verdict)
        self._history.do(CompositeEdit(review.label, (*edits, review)) if edits else review)
