"""The Review tab: segmentations held against each other, and what several readers come to."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from viewer.session import Session
from viewer.ui.label_review import CompareSection
from viewer.ui.widgets import label


class ReviewPanel(QWidget):
    """compare: two segmentations, A and B."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setAccessibleName("Review")
        self.compare = CompareSection(session)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(label("Compare", "heading"))
        column.addWidget(self.compare)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
