"""The structures of a model's result as a list, the most doubtful first: predicted Dice, verdict, what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from viewer.data.printable_text import printable
from viewer.ui.segments.segment_list import swatch
from viewer.ui.widgets import badges, theme
from viewer.ui.widgets.basics import tabular

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from viewer.data.annotations.doubt import Doubt, FlagCode
    from viewer.data.segmentation import Key, Segment, Verdict
    from viewer.ui.review.doubt_controller import DoubtController

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
NAME, DICE = range(2)
HEADS = {
    "Structure": "The most doubtful first",
    "Predicted Dice": "Overlap of what the model gave with the truth, as far as it can be told: 1 is equal",
}
BADGES = Role.UserRole  # the verdict and the flags of a row, as short words
KNOWN = Role.UserRole + 1  # whether it has a doubt, so that no flag means that there was nothing to flag
ROWS = 7  # that are seen at once, at most
LINE, GAP = 22, 4  # px: a line of a row, and the room around both
FLAGS: dict[FlagCode, str] = {
    "missing": "not found",
    "disagreement": "disagree",
    "uncertain": "unsure",
    "islands": "islands",
    "holes": "holes",
    "border": "cut off?",
    "volume": "unusual volume",
}
VERDICTS: dict[Verdict, str] = {
    "source": "drawn",
    "unreviewed": "not reviewed",
    "edited": "edited",
    "accepted": "accepted",
    "corrected": "corrected",
    "rejected": "rejected",
}


class DoubtListModel(QAbstractTableModel):
    """A row a structure."""

    def __init__(self, controller: DoubtController) -> None:
        super().__init__()
        self.controller = controller
        self.structures: tuple[Segment, ...] = ()

    def refresh(self) -> None:
        """Rows anew only where they are others."""
        before, self.structures = self.structures, self.controller.structures
        if [one.key for one in before] != [one.key for one in self.structures]:
            self.beginResetModel()
            self.endResetModel()
        elif before != self.structures:
            self.dataChanged.emit(self.index(0, NAME), self.index(len(self.structures) - 1, DICE))

    def row(self, key: Key | None) -> int:
        """The row of a structure; −1 where there is none."""
        return next((row for row, one in enumerate(self.structures) if one.key == key), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One row a structure."""
        return 0 if parent.isValid() else len(self.structures)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One column a head."""
        return len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """The heads, and in the tool tip what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.TextAlignmentRole:
            return (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)[section] | Qt.AlignmentFlag.AlignVCenter
        texts = {Role.DisplayRole: list(HEADS), Role.ToolTipRole: list(HEADS.values())}
        return texts[Role(role)][section] if role in texts else None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What a cell shows of its structure: name, colour, badges, predicted Dice; in the tool tip why."""
        segment = self.structures[index.row()]
        if role == Role.ToolTipRole:
            return reasons(segment)
        if role == Role.AccessibleTextRole:
            return f"{segment.name}: {', '.join(words(segment))}"
        if role == BADGES:
            return words(segment)
        if role == KNOWN:
            return segment.doubt is not None
        if role == Role.DisplayRole:
            return segment.name if index.column() == NAME else _dice(segment.latest_doubt)
        return swatch(segment.color) if role == Role.DecorationRole and index.column() == NAME else None


class DoubtList(QTableView):
    """A click on a row, or Enter in it, asks to go there."""

    visited = Signal(object)  # the key of a structure

    def __init__(self, controller: DoubtController) -> None:
        super().__init__()
        self.controller = controller
        self.rows = DoubtListModel(controller)
        self.setModel(self.rows)
        self.setItemDelegateForColumn(NAME, _Structure(self))
        self.setItemDelegateForColumn(DICE, _Prediction(self))
        self.setAccessibleName("Structures by doubt")
        self.setFont(tabular(self.font()))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(2 * LINE + GAP)
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for signal in (self.clicked, self.activated):
            signal.connect(lambda index: self.visited.emit(self.rows.structures[index.row()].key))

    def refresh(self) -> None:
        """Follow the structures and the chosen one."""
        self.rows.refresh()
        row = self.rows.row(self.controller.structure.key if self.controller.structure else None)
        if row < 0:
            self.clearSelection()
        elif row != self.currentIndex().row() or not self.selectionModel().hasSelection():
            self.selectRow(row)
        seen = min(max(len(self.rows.structures), 1), ROWS)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + seen * (2 * LINE + GAP) + 4)


class _TwoLines(QStyledItemDelegate):
    """A cell of two lines on the ground of its row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        area: QRect = option.rect.adjusted(6, GAP // 2, -6, -GAP // 2)
        upper, lower = QRect(area), QRect(area)
        upper.setHeight(LINE)
        lower.setTop(area.top() + LINE)
        painter.setPen(theme.TEXT)
        self.draw(painter, upper, lower, option, index)
        painter.restore()

    def draw(self, painter: QPainter, upper: QRect, lower: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        raise NotImplementedError

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(option.fontMetrics.horizontalAdvance(VERDICTS["unreviewed"]) + 32, 2 * LINE + GAP)


class _Structure(_TwoLines):
    """Colour and name, and below them the flags."""

    def draw(self, painter: QPainter, upper: QRect, lower: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        index.data(Role.DecorationRole).paint(painter, QRect(upper.left(), upper.top() + (LINE - 14) // 2, 14, 14))
        upper.setLeft(upper.left() + 20)
        lower.setLeft(upper.left())
        name = option.fontMetrics.elidedText(index.data(), Qt.TextElideMode.ElideMiddle, upper.width())
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, name)
        flags = index.data(BADGES)[1:]
        if flags:
            tall = badges.height(option.font)
            lower.adjust(0, (lower.height() - tall) // 2 - 1, 0, 0)
            lower.setHeight(tall)
            badges.paint(painter, lower, flags, option.font)
        else:
            painter.setPen(theme.DIM)
            text = "no flag" if index.data(KNOWN) else "doubt not known"
            painter.drawText(lower, Qt.AlignmentFlag.AlignVCenter, text)


class _Prediction(_TwoLines):
    """The predicted Dice, and below it the verdict by icon and word."""

    def draw(self, painter: QPainter, upper: QRect, lower: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(upper, right, index.data())
        verdict = index.data(BADGES)[0]
        icon, color = badges.meaning(verdict)
        painter.setPen(color)
        painter.drawText(lower, right, verdict)
        left = lower.right() - option.fontMetrics.horizontalAdvance(verdict) - 18
        theme.icon(icon, color).paint(painter, QRect(left, lower.top() + (lower.height() - 14) // 2, 14, 14))


def words(segment: Segment) -> list[str]:
    """The verdict, then the flags."""
    flags = segment.latest_doubt.flags if segment.latest_doubt else ()
    return [_verdict(segment), *(FLAGS[flag.code] for flag in flags)]


def _verdict(segment: Segment) -> str:
    """What no model gave is drawn, or accepted by its state."""
    return "accepted" if segment.review == "source" and segment.state == "completed" else VERDICTS[segment.review]


def reasons(segment: Segment) -> str:
    """The sentences of the flags, and what was measured."""
    doubt = segment.latest_doubt
    reader = (
        f" by {segment.reader}" if segment.reader and segment.review in ("accepted", "corrected", "rejected") else ""
    )
    lines = [segment.name, f"{_verdict(segment).capitalize()}{reader}."]
    if doubt is None:
        return printable("\n".join([*lines, "Nothing is known of how far it can be trusted."]))
    lines += [flag.sentence for flag in doubt.flags]
    measures = {
        "Agreement of the passes": doubt.agreement,
        "Variation of the volume": doubt.variation,
        "Expected by its probabilities": doubt.expected,
    }
    lines += [f"{name}: {value:.2f}" for name, value in measures.items() if value is not None]
    lines += [f"Entropy at the border: {doubt.entropy:.2f} bit"] * (doubt.entropy is not None)
    if segment.mask_doubt is None and segment.review in ("edited", "corrected"):
        lines.append("All of this is about what the model gave, before it was edited.")
    return "\n".join(printable(line) for line in lines)


def _dice(doubt: Doubt | None) -> str:
    return "–" if doubt is None or doubt.dice is None else f"{doubt.dice:.2f}"
