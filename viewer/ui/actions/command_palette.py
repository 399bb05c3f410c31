"""Search everything: actions, plugins, studies and series in one box (Ctrl+K)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DETAIL = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
SHOWN = 60  # rows at most
STEPS = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: 8,
    Qt.Key.Key_PageUp: -8,
}


@dataclass(frozen=True)
class Entry:
    """One row: what it is called, where it belongs or its key, and what choosing it does."""

    title: str
    detail: str
    icon: str
    run: Callable[[], object]


def search(entries: Sequence[Entry], text: str) -> list[Entry]:
    """The entries that hold every word of the text; those whose title begins with it first, else in their order."""
    words = text.casefold().split()
    found = [entry for entry in entries if all(word in f"{entry.title} {entry.detail}".casefold() for word in words)]
    return sorted(found, key=lambda entry: _distance(entry.title.casefold(), words))


def _distance(title: str, words: Sequence[str]) -> int:
    """0: begins with the first word; 1: a word of the title does; 2: all in the title; 3: elsewhere."""
    if not words or title.startswith(words[0]):
        return 0
    if any(part.startswith(words[0]) for part in title.split()):
        return 1
    return 2 if all(word in title for word in words) else 3


class Palette(QDialog):
    """A box and what it finds. Up and Down choose, Enter does, Escape leaves."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self.setAccessibleName("Search everything")
        self.entries = entries
        self.matches: list[Entry] = []
        self.box = QLineEdit(placeholderText="Search actions, plugins, studies …")
        self.box.setAccessibleName("Search everything")
        self.box.addAction(theme.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.list = QListWidget()
        self.list.setAccessibleName("Found")
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.nothing = label("Nothing found: try fewer letters.", "dim")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        for widget in (self.box, self.list, self.nothing):
            layout.addWidget(widget)
        self.box.textChanged.connect(self.look_for)
        self.box.installEventFilter(self)
        self.list.itemClicked.connect(lambda item: self.choose())
        self.look_for("")
        width = min(640, parent.width() - 32)
        self.resize(width, min(480, parent.height() - 80))
        self.move(parent.mapToGlobal(parent.rect().topLeft()).x() + (parent.width() - width) // 2,
                  parent.mapToGlobal(parent.rect().topLeft()).y() + 72)  # fmt: skip
        self.box.setFocus()

    def look_for(self, text: str) -> None:
        """Show what the text finds."""
        self.matches = search(self.entries, text)[:SHOWN]
        self.list.clear()
        for entry in self.matches:
            item = QListWidgetItem(theme.icon(entry.icon or "right"), entry.title)
            item.setData(DETAIL, entry.detail)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(self.matches))
        self.nothing.setVisible(not self.matches)

    def choose(self) -> None:
        """Do what the current row says."""
        row = self.list.currentRow()
        self.accept()
        if 0 <= row < len(self.matches):
            self.matches[row].run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows and Enter in the text field mean the list below it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if key in STEPS and self.matches:
                self.list.setCurrentRow(min(max(self.list.currentRow() + STEPS[key], 0), len(self.matches) - 1))
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.choose()
                return True
        return super().eventFilter(watched, event)


class _Row(QStyledItemDelegate):
    """The title at the left, the detail dim at the right."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        area: QRect = option.rect.adjusted(0, 0, -8, 0)
        text = option.fontMetrics.elidedText(index.data(DETAIL), Qt.TextElideMode.ElideMiddle, area.width() // 2)
        painter.setPen(theme.DIM)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        hint = super().sizeHint(option, index)
        return QSize(hint.width(), max(hint.height(), 28))
