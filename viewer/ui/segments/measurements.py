"""The figures that a plugin measured of the segments that it made; to copy or to save as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.widgets.basics import button, label, set_role, tabular

if TYPE_CHECKING:
    from viewer.data.annotations.measurement_table import MeasurementTable
    from viewer.ui.segments.controller import SegmentsController

OLD = "The segments have changed since this was measured: run it again, or measure them below."
FRAME = 4  # px around the rows of the table
SHORT = 6  # letters of a column's name in the head; the tool tip has all of it


class MeasurementsSection(QWidget):
    """table: of the chosen segmentation, None where no plugin measured anything."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.table: MeasurementTable | None = None
        self.title = label("", "heading")
        self.old = label(OLD, "warning")
        self.notes = label("", "dim")
        self.view = QTableWidget()
        self.view.setAccessibleName("Figures that were measured with the result")
        self.view.setFont(tabular(self.font()))
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setShowGrid(False)
        self.view.verticalHeader().hide()
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.horizontalHeader().sectionResized.connect(self._fit)
        self.view.setObjectName("measurements")
        self.copy = button("Copy", "copy", self.copy_table)
        self.save = button("Save CSV…", "save", self.save_table)
        self._build()
        controller.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the figures of the chosen segmentation, and whether they are still true."""
        layer = self.controller.layer
        table = next(iter(layer.tables), None) if layer else None
        if table is not self.table:
            self.table = table
            self._fill()
        self.setVisible(table is not None)
        self.old.setVisible(layer is not None and not layer.tables_current)

    def copy_table(self) -> None:
        """Put the figures on the clipboard, as a table for a spreadsheet."""
        from viewer.io.reports.measurement_csv import table_text

        if self.table is not None:
            QGuiApplication.clipboard().setText(table_text(self.table))

    def save_table(self) -> None:
        """Ask where to, then write it, with its provenance beside it."""
        from viewer.io.errors import SaveError
        from viewer.io.reports.measurement_csv import save_table

        path, _ = QFileDialog.getSaveFileName(self, "Save the figures", "volumes.csv", "Table (*.csv)")
        if not path or self.table is None:
            return
        try:
            save_table(self.table, Path(path).with_suffix(".csv"))
        except SaveError as error:
            self.controller.session.messages.warn(str(error))

    def _fill(self) -> None:
        table = self.table
        if table is None:
            return
        heads = (table.subject, *(f"{_short(column.name)}\n{column.unit}" for column in table.columns))
        self.title.setText(table.name)
        self.notes.setText("\n".join(table.notes))
        self.view.setColumnCount(len(heads))
        self.view.setHorizontalHeaderLabels(heads)
        for place, one in enumerate(table.columns, 1):
            if head := self.view.horizontalHeaderItem(place):
                head.setToolTip(one.title)
        self.view.setRowCount(len(table.rows))
        for row, name in enumerate(table.rows):
            cell = QTableWidgetItem(name)
            cell.setToolTip(name)
            self.view.setItem(row, 0, cell)
            for column, value in enumerate(table.line(row), 1):
                self.view.setItem(row, column, _figure(value))
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._fit()

    def _fit(self, *_: int) -> None:
        """As high as all of its rows: the page scrolls, not the table."""
        self.view.resizeRowsToContents()
        rows = sum(self.view.rowHeight(row) for row in range(self.view.rowCount()))
        self.view.setFixedHeight(self.view.horizontalHeader().sizeHint().height() + rows + FRAME)

    def _build(self) -> None:
        below = QHBoxLayout()
        for widget in (self.copy, self.save):
            below.addWidget(widget)
        below.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        for part in (self.title, self.old, self.view, self.notes):
            column.addWidget(part)
        column.addLayout(below)
        set_role(self.old, "warning")


def _short(name: str) -> str:
    return name if len(name) <= SHORT else f"{name[: SHORT - 1]}."


def _figure(value: float | None) -> QTableWidgetItem:
    """Right-aligned; empty where there is none."""
    item = QTableWidgetItem("" if value is None else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}")
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
