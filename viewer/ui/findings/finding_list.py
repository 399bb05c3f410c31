"""The findings as a list, by review need: name and figure, below them the review and how sure, by icon and word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from viewer.ui.findings.finding_text import figure_text, state_text, sure_text, tip_text
from viewer.ui.widgets import badges, theme
from viewer.ui.widgets.basics import tabular

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.ui.findings.controller import FindingsController

Ink = tuple[str, QColor]  # a text and its colour
Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
ROWS = 8  # that are seen at once, at most
LINE, GAP = 20, 8  # px: a line of a row, and the room around both
ENTRY = Role.UserRole  # the entry, and whether its region was changed since


class FindingListModel(QAbstractTableModel):
    """A row an entry."""

    def __init__(self, controller: FindingsController) -> None:
        super().__init__()
        self.controller = controller
        self.entries: tuple[FindingEntry, ...] = ()

    def refresh(self) -> None:
        """Rows anew only where they are others."""
        before, self.entries = self.entries, self.controller.entries
        if [one.id for one in before] != [one.id for one in self.entries]:
            self.beginResetModel()
            self.endResetModel()
        elif self.entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.entries) - 1, 0))

    def row(self, entry_id: str) -> int:
        """Where an entry stands; -1 for one that is not there."""
        return next((row for row, one in enumerate(self.entries) if one.id == entry_id), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        """How many entries there are."""
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index | None = None) -> int:
        """One."""
        return 1

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """An entry's name; in the tool tip and for screen readers all that is known of it."""
        entry = self.entries[index.row()]
        stale = self.controller.is_stale(entry)
        told = {Role.DisplayRole: entry.name, ENTRY: (entry, stale), Role.ToolTipRole: tip_text(entry)}
        if role == Role.AccessibleTextRole:
            return f"{entry.name}: {state_text(entry, stale=stale)}, {figure_text(entry)}, {sure_text(entry)}"
        return told.get(Role(role))


class FindingList(QTableView):
    """A click on a row, or the arrow keys, ask to go there."""

    visited = Signal(str)  # the id of an entry

    def __init__(self, controller: FindingsController) -> None:
        super().__init__()
        self.controller = controller
        self.rows = FindingListModel(controller)
        self.setModel(self.rows)
        self.setItemDelegate(_Row(self))
        self.setAccessibleName("Findings by review need")
        self.setFont(tabular(self.font()))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(2 * LINE + GAP)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(self._visit)
        self.selectionModel().currentChanged.connect(self._arrived)
        self._following = False

    def refresh(self) -> None:
        """Follow the entries and the chosen one."""
        self._following = True
        self.rows.refresh()
        row = self.rows.row(self.controller.state.finding)
        if row < 0:
            self.clearSelection()
        elif row != self.currentIndex().row() or not self.selectionModel().hasSelection():
            self.selectRow(row)
        self._following = False
        seen = min(max(len(self.rows.entries), 1), ROWS)
        self.setFixedHeight(seen * (2 * LINE + GAP) + 4)

    def _arrived(self, current: Index) -> None:
        """The arrow keys go from finding to finding, and every view with them."""
        if not self._following and current.isValid() and self.hasFocus():
            self._visit(current)

    def _visit(self, index: Index) -> None:
        self.visited.emit(self.rows.entries[index.row()].id)


class _Row(QStyledItemDelegate):
    """Two lines: name and figure, review and how sure."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry, stale = index.data(ENTRY)
        painter.save()
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        area: QRect = option.rect.adjusted(8, GAP // 2, -8, -GAP // 2)
        upper, lower = QRect(area), QRect(area)
        upper.setHeight(LINE)
        lower.setTop(area.top() + LINE)
        self._ends(painter, upper, option, (entry.name, theme.TEXT), (figure_text(entry), theme.TEXT))
        word = state_text(entry, stale=stale)
        icon, color = ("alert-line", theme.WARNING) if stale else badges.meaning(word)
        icon, color = ("user-line", theme.ACCENT) if entry.state == "manual" and not stale else (icon, color)
        icon, color = ("forbid-line", theme.WARNING) if entry.state == "refused" else (icon, color)
        theme.icon(icon, color).paint(painter, QRect(lower.left(), lower.top() + (LINE - 14) // 2, 14, 14))
        lower.setLeft(lower.left() + 20)
        self._ends(painter, lower, option, (word, color), (sure_text(entry), theme.DIM))
        painter.restore()

    def _ends(
        self,
        painter: QPainter,
        area: QRect,
        option: QStyleOptionViewItem,
        left: tuple[str, Any],
        right: tuple[str, Any],
    ) -> None:
        """Two texts at the ends of a line; the right one is whole, the left one gives way."""
        room = area.width() - option.fontMetrics.horizontalAdvance(right[0]) - 8
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(left[1])
        painter.drawText(area, middle, option.fontMetrics.elidedText(left[0], Qt.TextElideMode.ElideMiddle, room))
        painter.setPen(right[1])
        painter.drawText(area, middle | Qt.AlignmentFlag.AlignRight, right[0])

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, 2 * LINE + GAP)
