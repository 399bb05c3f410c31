"""The Review tab: structures by doubt, learning from them, segmentations compared, readers, who decided what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.ui.review.audit_section import AuditSection
from viewer.ui.review.comparison import LabelComparisonSection
from viewer.ui.review.doubt_controller import DoubtController
from viewer.ui.review.doubt_section import DoubtSection
from viewer.ui.review.learning_section import LearningSection
from viewer.ui.widgets.basics import button, label, rule, show_dialog
from viewer.ui.widgets.section_column import SectionColumn

if TYPE_CHECKING:
    from viewer.session.review.worklist_session import WorklistSession
    from viewer.session.session import Session
    from viewer.ui.segments.controller import SegmentsController


class ReviewPanel(SectionColumn):
    """doubt: a model's structures. learning: from them. compare: two segmentations. audit: the trail.

    controller: of the task list.
    """

    def __init__(self, session: Session, controller: WorklistSession, segments: SegmentsController) -> None:
        super().__init__()
        self.setAccessibleName("Review")
        self.session, self.controller = session, controller
        self.doubt = DoubtSection(DoubtController(segments))
        self.learning = LearningSection(session, controller)
        self.compare = LabelComparisonSection(session)
        self.consensus = button("Consensus of readers…", "group", self.ask_consensus)
        self.audit = AuditSection(session, controller)
        self.add(label("Structures by doubt", "heading"), self.doubt, rule())
        self.add(label("Learning from corrections", "heading"), self.learning, rule())
        self.add(label("Compare", "heading"), self.compare)
        self.add(self.consensus, alignment=Qt.AlignmentFlag.AlignLeft)
        self.add(rule(), label("Audit trail", "heading"), self.audit)
        for signal in (session.document.inserted, session.document.removed):
            signal.connect(self.refresh)
        self.refresh()

    @property
    def several(self) -> bool:
        """Whether there are readers to be asked."""
        return len(self.session.document.segmentation_layers) > 1

    def ask_consensus(self) -> None:
        """Choose the readers and the method."""
        from viewer.ui.review.consensus_dialog import ConsensusDialog

        show_dialog(ConsensusDialog(self.session, self.window()))

    def refresh(self, *_: object) -> None:
        """Offer a consensus where there are several readers."""
        self.consensus.setEnabled(self.several)
