"""What several readers' segmentations of one image come to: who is asked, how, and what is thought of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from viewer.compute.labels.consensus import TITLES, Method, consensus
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.tools.segment.paint_tool import seen_segmentations
from viewer.ui.jobs.panel import JobRow
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label, set_role
from viewer.ui.widgets.table import Table

if TYPE_CHECKING:
    from viewer.data.arrays import ProgressCallback
    from viewer.data.segmentation import Segmentation
    from viewer.scene.task import Task
    from viewer.session.session import Session

SIZE = (520, 480)
ABOUT: dict[Method, str] = {
    "majority": "A voxel belongs to a segment where more than half of the readers say so.",
    "staple": "STAPLE (Warfield et al. 2004) weighs the readers by how sensitive and specific it finds each.",
}
LAYER = Qt.ItemDataRole.UserRole


class ConsensusDialog(QDialog):
    """The result is a new layer that waits for review; the readers' own stay as they are."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setWindowTitle("Consensus of readers")
        self.resize(*SIZE)
        self.readers = QListWidget()
        self.readers.setAccessibleName("Readers")
        seen = seen_segmentations(session.document, session.state)
        for layer in session.document.segmentation_layers:
            self._offer(layer, seen=layer in seen)
        self.method = QComboBox()
        self.method.setAccessibleName("Method")
        for name, title in TITLES.items():
            self.method.addItem(title, name)
        self.about, self.verdict = label(role="dim"), label(role="dim")
        self.make = button("Make consensus", "group", self.run, "primary", theme.CHROME)
        self.row: JobRow | None = None
        self.estimates = QScrollArea(widgetResizable=True)
        self.estimates.hide()
        self._build()
        self.readers.itemChanged.connect(self._check)
        self.method.currentIndexChanged.connect(self._check)
        self._check()

    @property
    def chosen(self) -> list[SegmentationLayer]:
        """The readers' layers that are ticked."""
        items = (self.readers.item(n) for n in range(self.readers.count()))
        return [item.data(LAYER) for item in items if item.checkState() == Qt.CheckState.Checked]

    def run(self) -> Task:
        """Compute it, in the background."""
        layers, method = self.chosen, self.method.currentData()
        readings, names = [layer.segmentation for layer in layers], [layer.name for layer in layers]
        generations = [layer.generation for layer in layers]

        def call(tell: ProgressCallback) -> Segmentation:
            return consensus(readings, method, names, tell)

        def found(made: Segmentation) -> None:
            if [layer.generation for layer in layers] != generations:
                self.session.messages.warn(
                    "A reader's segments were edited while the consensus was made: make it again."
                )
                return
            self._add(layers[0], made)

        task = self.session.background.ask(f"Consensus of {len(layers)} readers", call, found)
        self.row = JobRow(task)
        self._column.insertWidget(self._column.count() - 1, self.row)
        task.events.state.connect(lambda _: self._ended())
        self.make.setEnabled(False)
        return task

    def _ended(self) -> None:
        if self.row is not None:
            self.row.close_row()
            self.row.hide()
            self.row = None
        self._check()

    def _add(self, first: SegmentationLayer, made: Segmentation) -> None:
        image = self.session.document.find(first.made_from)
        layer = segmentation_layer(made, image if isinstance(image, VolumeLayer) else None)
        layer.review, layer.transform = "unreviewed", first.transform
        self.session.segments.add_layer(layer)
        parameters = made.provenance.parameters if made.provenance else {}
        self.session.review.trail.note("consensus", method=parameters["method"], readers=len(parameters["readers"]))
        self._show(parameters["readers"], parameters["estimates"])
        self.verdict.setText(f"{made.name} is in the list of layers and waits for your review.")
        set_role(self.verdict, "good")

    def _show(self, readers: list[str], estimates: dict[str, dict[str, list[float]]]) -> None:
        """What STAPLE thinks of each reader, segment by segment."""
        rows = [
            (name, reader, f"{sensitivity:.3f}", f"{specificity:.5f}")
            for name, found in estimates.items()
            for reader, sensitivity, specificity in zip(
                readers, found["sensitivity"], found["specificity"], strict=True
            )
        ]
        self.estimates.setVisible(bool(rows))
        self.estimates.setWidget(Table(("Segment", "Reader", "Sensitivity", "Specificity"), rows, wide={0: 1, 1: 1}))

    def _check(self, *_: object) -> None:
        """Whether it can be made, and what the method does."""
        enough = len(self.chosen) > 1
        self.make.setEnabled(enough and self.row is None)
        self.about.setText(ABOUT[self.method.currentData()])
        self.verdict.setText("" if enough else "Tick two readers or more.")
        set_role(self.verdict, "dim")

    def _offer(self, layer: SegmentationLayer, *, seen: bool) -> None:
        item = QListWidgetItem(layer.name)
        item.setData(LAYER, layer)
        made = layer.segmentation.provenance is not None  # by a plugin or as a consensus: by no reader
        item.setCheckState(Qt.CheckState.Checked if seen and not made else Qt.CheckState.Unchecked)
        self.readers.addItem(item)

    def _build(self) -> None:
        form = QFormLayout()
        form.addRow("Method", self.method)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(button("Close", "", self.close))
        buttons.addWidget(self.make)
        self._column = QVBoxLayout(self)
        self._column.addWidget(label("Segments are matched by code and side, else by name.", "dim"))
        self._column.addWidget(self.readers, 1)
        self._column.addLayout(form)
        for part in (self.about, self.estimates, self.verdict):
            self._column.addWidget(part)
        self._column.setStretchFactor(self.estimates, 1)
        self._column.addLayout(buttons)
