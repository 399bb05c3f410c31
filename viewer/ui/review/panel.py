"""The Review tab: segmentations held against each other, what several readers come to, and who decided what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.ui.review.audit_section import AuditSection
from viewer.ui.review.comparison import LabelComparisonSection
from viewer.ui.widgets.basics import button, label, rule, show_dialog
from viewer.ui.widgets.section_column import SectionColumn

if TYPE_CHECKING:
    from viewer.session.review.worklist_session import WorklistSession
    from viewer.session.session import Session


class ReviewPanel(SectionColumn):
    """compare: two segmentations, A and B. audit: the trail of decisions. controller: of the task list."""

    def __init__(self, session: Session, controller: WorklistSession) -> None:
        super().__init__()
        self.setAccessibleName("Review")
        self.session, self.controller = session, controller
        self.compare = LabelComparisonSection(session)
        self.consensus = button("Consensus of readers…", "group", self.ask_consensus)
        self.audit = AuditSection(session, controller)
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
