"""The numbers of every segment: volume, values, surface; to copy or to save as CSV."""

from __future__ import annotations

from functools import partial
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

from viewer.ui.segments.segment_list import swatch
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import Bar, button, label, tabular

if TYPE_CHECKING:  # scipy comes with it
    from viewer.compute.labels.statistics import SegmentStatistics
    from viewer.data.arrays import ProgressCallback
    from viewer.session.background import BackgroundCall
    from viewer.ui.segments.controller import SegmentsController

OLD = "The segments have changed since: measure again."


class StatisticsSection(QWidget):
    """rows: what was measured last. unit: of the image's values."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.rows: list[SegmentStatistics] = []
        self.unit = ""
        self._measured: tuple[object, int] = (None, -1)
        self._work: BackgroundCall[float, list[SegmentStatistics]] | None = None
        self.measure = button("Measure", "ruler", self.run, "primary", theme.CHROME)
        self.cancel = button("Cancel", "cancel", self.stop, "quiet")
        self.copy = button("Copy", "copy", self.copy_table)
        self.save = button("Save CSV…", "save", self.save_table)
        self.bar = Bar("Progress of the measurement")
        self.note = label("Volume, mean, SD and surface of every segment.", "dim")
        self.table = QTableWidget()
        self.table.setAccessibleName("Numbers of the segments")
        self.table.setFont(tabular(self.font()))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.cellClicked.connect(lambda row, _: controller.choose(self.rows[row].segment.key))
        self._build()
        self._busy(False)
        controller.changed.connect(self.refresh)
        self.refresh()

    def run(self) -> None:
        """Measure every segment, in the background."""
        layer, image = self.controller.layer, self.controller.image
        if layer is None:
            return
        segmentation = layer.segmentation
        volume = image.volume(self.controller.state.timepoint) if image else None
        volume = volume if volume and not volume.color and volume.grid.matches(layer.grid) else None
        self.unit = text_format.unit(volume.unit) if volume else ""
        measured = layer, layer.generation

        def call(tell: ProgressCallback) -> list[SegmentStatistics]:
            from viewer.compute.labels.statistics import statistics

            return statistics(segmentation, volume, tell)

        self.stop()
        self._work = self.controller.session.background.call(
            "measure", call, partial(self._show, measured), progress=self.bar.advance, failed=self._fail
        )
        self._busy(True)

    def stop(self) -> None:
        """Wait for it no longer."""
        if self._work is not None:
            self._work.stop()
        self._work = None
        self._busy(False)

    def copy_table(self) -> None:
        """Put the figures on the clipboard, as a table for a spreadsheet."""
        from viewer.io.reports.segment_table import table

        QGuiApplication.clipboard().setText(table(self.rows, self.unit))

    def save_table(self) -> None:
        """Ask where to, then write it."""
        from viewer.io.errors import SaveError
        from viewer.io.reports.segment_table import save_table

        path, _ = QFileDialog.getSaveFileName(self, "Save the numbers", "segments.csv", "Table (*.csv)")
        if not path:
            return
        try:
            save_table(self.rows, Path(path).with_suffix(".csv"), self.unit)
        except SaveError as error:
            self.controller.session.messages.warn(str(error))

    def refresh(self, *_: object) -> None:
        """Say so where the numbers are old."""
        layer = self.controller.layer
        self.measure.setEnabled(bool(layer and layer.segmentation.segments))
        old = bool(self.rows) and (layer is None or self._measured != (layer, layer.generation))
        if old:
            self.note.setText(OLD)
        for widget in (self.copy, self.save, self.table):
            widget.setVisible(bool(self.rows))
        self.note.setVisible(old or not self.rows)

    def _show(self, measured: tuple[object, int], rows: list[SegmentStatistics]) -> None:
        self.rows, self._measured = rows, measured
        self._work = None
        self._busy(False)
        unit = f" {self.unit}" if self.unit else ""
        heads = (
            "Segment",
            "ml",
            f"Mean{unit}",
            f"SD{unit}",
            f"Median{unit}",
            f"Min{unit}",
            f"Max{unit}",
            "Surface cm²",
        )
        self.table.setColumnCount(len(heads))
        self.table.setHorizontalHeaderLabels(heads)
        self.table.setRowCount(len(rows))
        for row, one in enumerate(rows):
            name = QTableWidgetItem(swatch(one.segment.color), one.segment.name)
            self.table.setItem(row, 0, name)
            values = (one.ml, one.mean, one.sd, one.median, one.low, one.high, one.area / 100)
            for column, value in enumerate(values, 1):
                self.table.setItem(row, column, _number(value))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.refresh()

    def _fail(self, text: str) -> None:
        self.stop()
        self.controller.session.messages.warn(text)

    def _busy(self, on: bool) -> None:
        self.bar.advance(0)
        for widget in (self.bar, self.cancel):
            widget.setVisible(on)

    def _build(self) -> None:
        line, below = QHBoxLayout(), QHBoxLayout()
        line.addWidget(self.measure, 1)
        line.addWidget(self.cancel)
        for widget in (self.copy, self.save):
            below.addWidget(widget)
        below.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(line)
        for part in (self.bar, self.note, self.table):
            column.addWidget(part)
        column.addLayout(below)


def _number(value: float | None) -> QTableWidgetItem:
    """Right-aligned, in four significant digits; a dash where there is no value."""
    item = QTableWidgetItem("–" if value is None or value != value else text_format.number(float(value)))
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
