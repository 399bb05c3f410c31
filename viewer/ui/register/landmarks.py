"""The landmarks: pairs of places in the two images, how far the transform misses each, and the fit to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.compute.registration.landmark_fit import LEAST
from viewer.compute.registration.transform_quality import TG132_TARGET
from viewer.ui.register.landmarks_controller import FITS, LandmarksController
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label, rule, set_role, tabular

if TYPE_CHECKING:
    from viewer.data.grid import Grid
    from viewer.scene.landmarks import LandmarkPair
    from viewer.ui.register.controller import RegistrationController

ID = Qt.ItemDataRole.UserRole
ABOUT = "Set a pair with the landmark tool: first the place in the fixed image, then the same place in the moving one."
CAUTION = "Pairs that an alignment was fitted to tell how well it fits them, not its error elsewhere."
FORMATS = "Table (*.csv);;3D Slicer (*.mrk.json *.fcsv);;JSON (*.json)"
ANY = "Landmarks (*.csv *.mrk.json *.fcsv *.json);;All files (*)"
ROWS = 6  # seen without scrolling


class LandmarksSection(QWidget):
    """Follows the pairs and the transform; errors are live."""

    def __init__(self, controller: RegistrationController) -> None:
        super().__init__()
        self.controller, self.verbs = controller, LandmarksController(controller)
        self.pairs: tuple[LandmarkPair, ...] = ()
        self.about, self.summary, self.caution = label(ABOUT, "dim"), label(), label(CAUTION, "dim")
        self.table = QTableWidget(0, 3)
        self.set = button("Set pairs", "map-pin-add", self.verbs.set_pairs)
        self.remove = button("Remove", "remove", self.verbs.remove)
        self.kind = QComboBox()
        self.kind.setAccessibleName("Fit to the landmarks by")
        self.fit = button("Fit", "focus-2", lambda: self.verbs.fit(self.kind.currentData()))
        self.save = button("Save…", "save", self._ask_save)
        self.load = button("Load…", "open", self._ask_load)
        self._build()
        self.kind.currentIndexChanged.connect(self.refresh)
        self.table.itemChanged.connect(self._rename)
        self.table.itemSelectionChanged.connect(self._go)
        controller.changed.connect(self.refresh)
        controller.state.events.landmark.connect(self._choose)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Every pair with how far the transform misses it now."""
        fixed = self.controller.fixed
        self.pairs = self.controller.pairs
        errors = np.array([pair.residual(self.controller.transform) for pair in self.pairs])
        limit = allowed(fixed.volumes[0].grid) if fixed else TG132_TARGET
        blocker = QSignalBlocker(self.table)
        self.table.setRowCount(len(self.pairs))
        for row, (pair, error) in enumerate(zip(self.pairs, errors, strict=True)):
            self._show_row(row, pair, float(error), limit)
        height = self.table.rowHeight(0) if self.pairs else 0
        self.table.setFixedHeight(self.table.horizontalHeader().height() + height * min(len(self.pairs), ROWS) + 2)
        blocker.unblock()
        self._choose()
        self.summary.setText(summary(errors, limit))
        set_role(self.summary, "good" if (errors <= limit).all() else "warning")
        for widget in (self.table, self.summary, self.caution):
            widget.setVisible(bool(self.pairs))
        self.about.setVisible(not self.pairs)
        for one in (self.set, self.load):
            one.setEnabled(bool(self.controller.pair_inputs))
        self.save.setEnabled(bool(self.pairs))
        least = LEAST[self.kind.currentData()]
        self.fit.setEnabled(len(self.pairs) >= least)
        self.fit.setToolTip(f"It needs {least} pairs or more")

    def _show_row(self, row: int, pair: LandmarkPair, error: float, limit: float) -> None:
        name, length, sign = QTableWidgetItem(pair.name), QTableWidgetItem(f"{error:.2f} mm"), QTableWidgetItem()
        name.setData(ID, pair.id)
        within = error <= limit
        sign.setText("within" if within else "beyond")
        sign.setIcon(theme.icon("good", theme.GOOD) if within else theme.icon("warning", theme.WARNING))
        length.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        length.setFont(tabular(self.font()))
        for item in (length, sign):
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        for column, item in enumerate((name, length, sign)):
            self.table.setItem(row, column, item)

    def _choose(self, *_: object) -> None:
        """Show which pair is chosen in the views."""
        blocker = QSignalBlocker(self.table)
        self.table.clearSelection()
        for row, pair in enumerate(self.pairs):
            if pair.id == self.controller.state.landmark:
                self.table.selectRow(row)
        blocker.unblock()
        self.remove.setEnabled(self.verbs.chosen is not None)

    def _go(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self.verbs.go(self.pairs[rows[0].row()])

    def _rename(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self.verbs.rename(self.pairs[item.row()], item.text().strip())

    def _ask_save(self) -> None:
        start = str(Path.home() / "landmarks.csv")
        path, _ = QFileDialog.getSaveFileName(self, "Save the landmarks", start, FORMATS)
        if path:
            self.verbs.save(Path(path))

    def _ask_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load landmarks", str(Path.home()), ANY)
        if path:
            self.verbs.load(Path(path))

    def _build(self) -> None:
        self.table.setAccessibleName("Landmarks and how far the transform misses them")
        self.table.setHorizontalHeaderLabels(["Landmark", "Error", "Limit"])
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place in (1, 2):
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.ResizeToContents)
        for kind, text in FITS.items():
            self.kind.addItem(text, kind)
        buttons, fitting = QGridLayout(), QHBoxLayout()
        buttons.setSpacing(4)
        for place, one in enumerate((self.set, self.remove, self.save, self.load)):
            buttons.addWidget(one, place // 2, place % 2)
        fitting.addWidget(self.kind, 1)
        fitting.addWidget(self.fit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (rule(), label("Landmarks", "heading"), self.about, self.table, self.summary, self.caution):
            column.addWidget(widget)
        column.addLayout(buttons)
        column.addLayout(fitting)


def allowed(grid: Grid) -> float:
    """The target registration error that AAPM TG-132 tolerates: 2 mm, or the largest voxel side where that is more."""
    return max(TG132_TARGET, float(grid.spacing.max()))


def summary(errors: np.ndarray[tuple[int], np.dtype[np.float64]], limit: float) -> str:
    """The target registration error over all pairs, against its limit."""
    if not len(errors):
        return ""
    within = int((errors <= limit).sum())
    return (
        f"TRE {errors.mean():.2f} mm on average, at most {errors.max():.2f} mm; {within} of {len(errors)} within "
        f"{limit:.1f} mm (TG-132: 2 mm or a voxel)."
    )
