"""Where the truth is known, in the built-in sample: what input and result keep of lesions and edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from viewer.io import requests
from viewer.io.sample.truth import Retention, truth_of
from viewer.ui.widgets.basics import label, rule
from viewer.ui.widgets.table import Table

if TYPE_CHECKING:
    from viewer.io.reader.reader import Request
    from viewer.scene.layer import VolumeLayer
    from viewer.ui.inspect.controller import InspectionController

ABOUT = "100 % is the contrast, or the steepness, in the sample's image without noise. Noise scatters small lesions."


class TruthSection(QWidget):
    """Measured in a reader process; hidden for every image but the sample's."""

    def __init__(self, controller: InspectionController) -> None:
        super().__init__()
        self.controller = controller
        self.pair: tuple[VolumeLayer, VolumeLayer] | None = None
        self.retention: Retention | None = None
        self.bar = QProgressBar(maximum=0, textVisible=False)
        self.bar.setAccessibleName("Comparing with the truth")
        self.about = label(ABOUT, "dim")
        self.table: Table | None = None
        self._request: Request | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (rule(), label("Kept of the known truth", "heading"), self.bar, self.about):
            self._column.addWidget(widget)
        self.hide()

    def show_pair(self, source_image: VolumeLayer | None, result: VolumeLayer | None) -> None:
        """Compare both with the truth; nothing where there is none."""
        pair = (source_image, result) if source_image and result else None
        if pair == self.pair:
            return
        self.pair = pair
        if self._request is not None:
            self._request.cancel()
            self._request = None
        truth = truth_of(pair[0].source) if pair else None
        self.setVisible(truth is not None)
        if pair is None or truth is None:
            return
        self._replace(None)
        self.bar.show()
        volumes = pair[0].volume(pair[1].made_at), pair[1].volumes[0]
        call = self.controller.session.reader.call
        self._request = call(requests.measure_retention, *volumes, truth, done=self._draw, failed=self._fail)

    def _fail(self, reason: str) -> None:
        self.bar.hide()
        self.about.setText(reason)

    def _draw(self, retention: Retention) -> None:
        self.retention = retention
        self.bar.hide()
        self.about.setText(ABOUT)
        rows = [["Edges", "", *(f"{part:.0%}" for part in retention.edges)]]
        for before, after in sorted(retention.lesions, key=lambda pair: -pair[0].diameter):
            rows.append(
                [
                    f"Lesion {before.label}",
                    f"{before.diameter:.1f} mm",
                    f"{before.retention:.0%}",
                    f"{after.retention:.0%}",
                ]
            )
        self._replace(Table(["", "size", "input", "result"], rows, wide={0: 1}, right=[1, 2, 3]))

    def _replace(self, table: Table | None) -> None:
        if self.table is not None:
            self._column.removeWidget(self.table)
            self.table.deleteLater()
        self.table = table
        if table is not None:
            self._column.insertWidget(3, table)
