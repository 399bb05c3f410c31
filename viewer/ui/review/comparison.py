"""The comparison of two segmentations: a table of numbers, each of which leads to the place that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.review.comparison_controller import LabelComparisonController
from viewer.ui.review.difference_display import EXTRA, MISSED, DifferenceDisplay
from viewer.ui.segments.segment_list import swatch
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, button, label, set_role, tabular

if TYPE_CHECKING:  # scipy comes with it
    from viewer.compute.labels.comparison import SegmentReview
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.session.session import Session

EMPTY = "Open or draw two segmentations of one image: here they are held against each other."
HINT = "Click a row: the views go where the two are farthest apart."
ROW = Qt.ItemDataRole.UserRole
TIPS = {
    "Segment": "Matched by code and side, else by name",
    "Dice": "2·|A∩B| / (|A|+|B|)",
    "HD95": "mm; the larger of the two directed 95th percentiles of the distances between the surfaces",
    "ASSD": "mm; mean of the distances of both surfaces",
    "NSD": "Share of both surfaces within the tolerance of the other",
    "A ml": "Volume in the reference",
    "B ml": "Volume in the compared one",
    "B − A": "ml",
    "Farthest": "mm; the largest distance between the surfaces",
}
DECIMALS = (3, 2, 2, 3, 3, 3, 3, 2)
NSD = list(TIPS).index("NSD")


class LabelComparisonSection(QWidget):
    """controller: the verbs behind it. differences: what is drawn over the image."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.controller = LabelComparisonController(session)
        self.differences = DifferenceDisplay(self.controller)
        self.reference, self.other = _choice("A, the reference"), _choice("B, compared with it")
        self.swap = button("Swap", "swap-box", self.controller.swap)
        self.tolerance = _tolerance(self.controller.tolerance)
        self.compare = button("Compare", "ruler", self.controller.compare, "primary", theme.CHROME)
        self.cancel = button("Cancel", "cancel", self.controller.stop, "quiet")
        self.bar = Bar("Progress of the comparison")
        self.note = label(EMPTY, "dim")
        self.table = _table()
        self.overlay = QCheckBox("Show differences")
        self.overlay.setChecked(True)
        self.copy = button("Copy", "copy", self.copy_table)
        self.save = button("Save CSV…", "save", self.save_table)
        self._shown: list[SegmentReview] = []
        self._build()
        for choice in (self.reference, self.other):
            choice.activated.connect(
                lambda _: self.controller.choose(self.reference.currentData(), self.other.currentData())
            )
        self.tolerance.valueChanged.connect(lambda mm: setattr(self.controller, "tolerance", mm))
        self.table.cellClicked.connect(lambda row, _: self.visit(row))
        self.table.cellActivated.connect(lambda row, _: self.visit(row))
        self.overlay.toggled.connect(self._flip)
        self.controller.changed.connect(self.refresh)
        self.refresh()

    def visit(self, row: int) -> None:
        """Go to the worst place of a row of the table, and show its differences."""
        found = self._row(row)
        if found is not None and not self.controller.old:
            self.controller.go(found)
            if self.overlay.isChecked():
                self.differences.show(found)

    def copy_table(self) -> None:
        """Put the figures on the clipboard, as a table for a spreadsheet."""
        from viewer.io.reports.comparison_table import table

        QGuiApplication.clipboard().setText(table(self.controller.rows, self.controller.measured_at))

    def save_table(self) -> None:
        """Ask where to, then write it."""
        from viewer.io.errors import SaveError
        from viewer.io.reports.comparison_table import table
        from viewer.io.reports.csv_table import save_text

        path, _ = QFileDialog.getSaveFileName(self, "Save the comparison", "comparison.csv", "Table (*.csv)")
        if not path:
            return
        try:
            save_text(table(self.controller.rows, self.controller.measured_at), Path(path).with_suffix(".csv"))
        except SaveError as error:
            self.controller.session.messages.warn(str(error))

    def refresh(self, *_: object) -> None:
        """Show which are chosen, what was measured, and whether that still holds."""
        controller = self.controller
        _offer(self.reference, controller.layers, controller.reference)
        _offer(self.other, controller.layers, controller.other)
        self.compare.setEnabled(controller.possible and not controller.running)
        self.swap.setEnabled(controller.possible)
        self.bar.setVisible(controller.running)
        self.cancel.setVisible(controller.running)
        self.bar.advance(controller.task.progress if controller.task else 0.0)
        if controller.rows is not self._shown:
            self._fill()
        if controller.old or not controller.rows:
            self.differences.hide()
        parts: tuple[QWidget, ...] = (self.table, self.copy, self.save, self.overlay, self.legend)
        for part in parts:
            part.setVisible(bool(controller.rows))
        for part in parts[1:]:
            part.setEnabled(not controller.old)
        self._say()

    def _say(self) -> None:
        text = self.controller.old if self.controller.rows else ""
        self.note.setText(text or (HINT if self.controller.rows else "" if self.controller.possible else EMPTY))
        set_role(self.note, "warning" if text else "dim")
        self.note.setVisible(bool(self.note.text()))

    def _fill(self) -> None:
        self._shown = self.controller.rows
        self.table.setSortingEnabled(False)
        if head := self.table.horizontalHeaderItem(NSD):
            head.setText(f"NSD {self.controller.measured_at:g} mm")
        self.table.setRowCount(len(self._shown))
        for place, row in enumerate(self._shown):
            self._fill_row(place, row)
        self.table.setSortingEnabled(True)

    def _fill_row(self, place: int, row: SegmentReview) -> None:
        segment, agreement, (one, two) = row.reference or row.other, row.agreement, row.volumes
        only = "" if row.reference and row.other else " (B only)" if row.other else " (A only)"
        name = QTableWidgetItem(swatch(segment.color) if segment else theme.icon(""), row.name + only)
        name.setData(ROW, place)
        self.table.setItem(place, 0, name)
        numbers = (agreement.dice, agreement.hd95, agreement.assd, agreement.nsd) if agreement else (None,) * 4
        values = (*numbers, one / 1000, two / 1000, (two - one) / 1000, row.worst_distance)
        for column, (value, decimals) in enumerate(zip(values, DECIMALS, strict=True), 1):
            self.table.setItem(place, column, _Number(value, decimals))

    def _row(self, place: int) -> SegmentReview | None:
        """The review in a row of the table, as that is sorted."""
        item = self.table.item(place, 0)
        return self.controller.rows[item.data(ROW)] if item and self.controller.rows else None

    def _flip(self, on: bool) -> None:
        if on and self.table.currentRow() >= 0:
            self.visit(self.table.currentRow())
        elif not on:
            self.differences.hide()

    def _build(self) -> None:
        form = QFormLayout()
        for title, widget in (("A", self.reference), ("B", self.other), ("Tolerance", self.tolerance)):
            form.addRow(title, widget)
        line, below = QHBoxLayout(), QHBoxLayout()
        line.addWidget(self.compare, 1)
        line.addWidget(self.swap)
        line.addWidget(self.cancel)
        below.addWidget(self.copy)
        below.addWidget(self.save)
        below.addStretch()
        self.legend = _legend()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addLayout(line)
        for part in (self.bar, self.note, self.table, self.overlay, self.legend):
            column.addWidget(part)
        column.addLayout(below)


class _Number(QTableWidgetItem):
    """Right-aligned; a dash where it is not defined. Sorted by its value."""

    def __init__(self, value: float | None, decimals: int) -> None:
        super().__init__("–" if value is None else f"{value:.{decimals}f}".replace("-", "−"))
        self.value = float("-inf") if value is None else value
        self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return isinstance(other, _Number) and self.value < other.value


def _offer(choice: QComboBox, layers: tuple[SegmentationLayer, ...], chosen: SegmentationLayer | None) -> None:
    """List the layers, anew only where they are others: an open list stays open while a bar moves."""
    if [(choice.itemData(n), choice.itemText(n)) for n in range(choice.count())] != [(one, one.name) for one in layers]:
        choice.clear()
        for layer in layers:
            choice.addItem(layer.name, layer)
    choice.setCurrentIndex(choice.findData(chosen))


def _choice(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


def _tolerance(value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox(minimum=0.0, maximum=50.0, singleStep=0.5, decimals=2, suffix=" mm")
    box.setValue(value)
    box.setAccessibleName("Tolerance of the NSD")
    box.setToolTip("Of the NSD: surfaces this near count as one")
    return box


def _table() -> QTableWidget:
    table = QTableWidget(0, len(TIPS))
    table.setAccessibleName("Agreement of the segments")
    table.setFont(tabular(table.font()))
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    for column, (head, tip) in enumerate(TIPS.items()):
        item = QTableWidgetItem(head)
        item.setToolTip(tip)
        table.setHorizontalHeaderItem(column, item)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    return table


def _legend() -> QWidget:
    """What the colours mean."""
    widget = QWidget()
    line = QHBoxLayout(widget)
    line.setContentsMargins(0, 0, 0, 0)
    for segment in (EXTRA, MISSED):
        square = label(wrap=False)
        square.setPixmap(swatch(segment.color).pixmap(14, 14))
        line.addWidget(square)
        line.addWidget(label(segment.name, "dim", wrap=False))
    line.addWidget(label("White: outline of A", "dim", wrap=False))
    line.addStretch()
    return widget
