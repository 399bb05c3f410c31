"""Name a segment: by typing, or by its coded meaning, which brings a colour along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QColorDialog,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.data.printable_text import printable
from viewer.data.terminology import Term, search
from viewer.ui.segments.segment_list import swatch
from viewer.ui.widgets.basics import button, label

if TYPE_CHECKING:
    from viewer.data.segmentation import Segment
    from viewer.ui.segments.controller import SegmentsController

TERM = Qt.ItemDataRole.UserRole
NOT_CODED = "No code: other programs see the name alone."
STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}


class NamingDialog(QDialog):
    """Typing searches; Up and Down choose a coded structure, Enter takes it. A name of one's own has no code."""

    def __init__(self, controller: SegmentsController, segment: Segment, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Name, colour and code")
        self.controller, self.segment = controller, segment
        self.color = segment.color
        self.box = QLineEdit(segment.name, clearButtonEnabled=True, placeholderText="Liver, left kidney, lesion …")
        self.box.setAccessibleName("Name of the segment, or what to search for")
        self.terms = QListWidget()
        self.terms.setAccessibleName("Coded structures found")
        self.terms.setUniformItemSizes(True)
        self.code = label(role="dim")
        self.shade = button("Colour…", "", self.choose_color)
        self._build()
        self.box.textEdited.connect(self.look_for)
        self.terms.currentItemChanged.connect(self._chosen)
        self.terms.itemDoubleClicked.connect(lambda _: self.accept())
        self.look_for("")
        self._show_code()
        self.box.selectAll()
        self.resize(420, 460)

    @property
    def term(self) -> Term | None:
        """The coded structure that is chosen."""
        item = self.terms.currentItem()
        return item.data(TERM) if item else None

    def look_for(self, text: str) -> None:
        """List what the text finds; none of it is chosen yet."""
        self.terms.clear()
        for term in search(text, 60):
            item = QListWidgetItem(swatch(term.color), term.name)
            item.setData(TERM, term)
            item.setToolTip(f"{term.code[0]} {term.code[1]}")
            self.terms.addItem(item)
        self._show_code()

    def choose_color(self) -> None:
        """Ask for the segment's colour."""
        chosen = QColorDialog.getColor(QColor(*self.color), self, "Colour of the segment")
        if chosen.isValid():
            self.color = chosen.red(), chosen.green(), chosen.blue()
            self.shade.setIcon(swatch(self.color))

    def accept(self) -> None:
        """One step of the history."""
        name, term = self.box.text().strip(), self.term
        fields: dict[str, Any] = {"name": name or self.segment.name, "color": self.color}
        if term is not None:
            fields |= {"code": term.code, "side": term.side}
        elif name and name != self.segment.name:
            fields |= {"code": None, "side": ""}  # the old code is another thing's
        self.controller.change(self.segment, **fields)
        super().accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The arrows choose while the cursor stays in the name."""
        step = STEPS.get(Qt.Key(event.key()))
        if step and self.terms.count():
            row = min(max(self.terms.currentRow() + step, 0), self.terms.count() - 1)
            self.terms.setCurrentRow(row)
        else:
            super().keyPressEvent(event)

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            term: Term = item.data(TERM)
            self.color = term.color
            self.shade.setIcon(swatch(self.color))
            self.box.setText(term.name)
        self._show_code()

    def _show_code(self) -> None:
        term, kept = self.term, self.box.text().strip() == self.segment.name
        code = term.code if term else self.segment.code if kept else None
        self.code.setText(printable(f"{code[2]} · {code[0]} {code[1]}") if code else NOT_CODED)

    def _build(self) -> None:
        self.shade.setIcon(swatch(self.color))
        line = QHBoxLayout()
        line.addWidget(self.box, 1)
        line.addWidget(self.shade)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(line)
        column.addWidget(self.terms, 1)
        column.addWidget(self.code)
        column.addWidget(buttons)
