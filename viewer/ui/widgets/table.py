"""A small table for reading: a head, aligned columns, no frame. Its texts can be selected and read aloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import label, tabular

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class StateCell:
    """A cell that says a state by icon and word. role: one of the style sheet's."""

    icon: str
    word: str
    role: str


Cell = str | StateCell


class Table(QWidget):
    """wide: the columns that share the room, by their parts of it; their texts wrap. right: columns of numbers."""

    def __init__(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        wide: Mapping[int, int],
        right: Sequence[int] = (),
    ) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        for column, part in wide.items():
            grid.setColumnStretch(column, part)
        for row, cells in enumerate([head, *rows] if head else rows):
            for column, cell in enumerate(cells):
                made = _cell(cell, "dim" if (head and row == 0) or (not head and column == 0) else "", column in wide)
                side = Qt.AlignmentFlag.AlignRight if column in right else Qt.AlignmentFlag(0)
                grid.addWidget(made, row, column, Qt.AlignmentFlag.AlignTop | side)


def _cell(cell: Cell, role: str, wrap: bool) -> QWidget:
    if isinstance(cell, StateCell):
        return state_cell(cell)
    text = label(cell, role, wrap=wrap, selectable=True)
    text.setFont(tabular(text.font()))
    return text


def state_cell(cell: StateCell) -> QWidget:
    """An icon and its word."""
    widget = QWidget()
    line = QHBoxLayout(widget)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(4)
    icon = label(wrap=False)
    icon.setPixmap(theme.icon(cell.icon, theme.NAMES.get(cell.role, theme.TEXT)).pixmap(16, 16))
    line.addWidget(icon)
    line.addWidget(label(cell.word, cell.role, wrap=False))
    line.addStretch()
    return widget
