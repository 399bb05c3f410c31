"""The column of sections that a panel shows: it scrolls where the window is too low for all of them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

MARGIN = 8  # px around the sections and between them
FILL = Qt.AlignmentFlag(0)  # as wide as the column


class SectionColumn(QScrollArea):
    """Sections one below the other, as wide as the panel, the first one on top."""

    def __init__(self, *sections: QWidget) -> None:
        super().__init__()
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self._column.setSpacing(MARGIN)
        self._column.addStretch()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inner)
        self.add(*sections)

    def add(self, *sections: QWidget, alignment: Qt.AlignmentFlag = FILL) -> None:
        """Add sections below those that there are. alignment: of what is not to be as wide as the column."""
        for section in sections:
            self._column.insertWidget(self._column.count() - 1, section, 0, alignment)
