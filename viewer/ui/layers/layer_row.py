"""One layer in the list: eye, name, opacity, badges, and Accept or Reject while it waits for review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from viewer.scene.layer import PlacedLayer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.ui.widgets import badges, text_format, theme
from viewer.ui.widgets.basics import Elided, button, set_role

if TYPE_CHECKING:
    from psygnal import SignalInstance

    from viewer.session.session import Session


class LayerRow(QWidget):
    """Follows the layer. resized: the row needs another height."""

    resized = Signal()

    def __init__(self, session: Session, layer: PlacedLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.layer = session, layer
        self.eye = QToolButton()
        self.eye.setCheckable(True)
        self.eye.clicked.connect(lambda shown: setattr(layer, "visible", shown))
        self.name = Elided(Qt.TextElideMode.ElideMiddle)
        self.edit = QLineEdit()
        self.edit.setAccessibleName("New name")
        self.edit.editingFinished.connect(self._renamed)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setFixedWidth(72)
        self.opacity.valueChanged.connect(lambda percent: setattr(layer, "opacity", percent / 100))
        self.origin = Elided()
        set_role(self.origin, "dim")
        self.badges = Badges()
        self.verdict = self._verdict()
        self._build()
        for signal in self._signals():
            signal.connect(self._show)
        self._show()

    def close_row(self) -> None:
        """Stop following the layer, and go."""
        for signal in self._signals():
            signal.disconnect(self._show)
        self.deleteLater()

    def _signals(self) -> tuple[SignalInstance, ...]:
        """What the row shows of the layer; the window, which a drag changes at every step, is not in it."""
        events = self.layer.events
        values = events.volumes if isinstance(self.layer, VolumeLayer) else events.segmentation
        return events.name, events.visible, events.opacity, events.review, values

    def rename(self) -> None:
        """Show the name as a field."""
        self.edit.setText(self.layer.name)
        self._names.setCurrentWidget(self.edit)
        self.edit.selectAll()
        self.edit.setFocus()

    def mouseDoubleClickEvent(self, event: object) -> None:
        """Rename in place."""
        self.rename()

    def _verdict(self) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(button("Accept", "accepted", lambda: self.session.review.decide(self.layer, "accepted"), "quiet"))
        row.addWidget(button("Reject", "rejected", lambda: self.session.review.decide(self.layer, "rejected"), "quiet"))
        row.addStretch()
        return line

    def _build(self) -> None:
        self._names = QStackedLayout()
        self._names.addWidget(self.name)
        self._names.addWidget(self.edit)
        top = QHBoxLayout()
        top.addWidget(self.eye)
        top.addLayout(self._names, 1)
        top.addWidget(self.opacity)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self.origin)
        column.addWidget(self.badges)
        column.addWidget(self.verdict)

    def _renamed(self) -> None:
        if self._names.currentWidget() is self.edit:
            self._names.setCurrentWidget(self.name)
            self.session.layers.rename(self.layer, self.edit.text().strip())

    def _show(self) -> None:
        layer = self.layer
        self.eye.setChecked(layer.visible)
        self.eye.setIcon(theme.icon("visible") if layer.visible else theme.icon("hidden", theme.DIM))
        self.eye.setToolTip("Hide" if layer.visible else "Show")
        self.eye.setAccessibleName(f"{'Hide' if layer.visible else 'Show'} {layer.name}")
        self.name.say(layer.name)
        self.origin.say(_origin(layer))
        self.opacity.setValue(round(layer.opacity * 100))
        self.opacity.setToolTip(f"Opacity {layer.opacity:.0%}")
        self.opacity.setAccessibleName(f"Opacity of {layer.name}")
        self.badges.show_badges(layer.badges)
        height = self.sizeHint().height()
        self.verdict.setVisible(layer.review == "unreviewed")
        if self.sizeHint().height() != height:
            self.resized.emit()


def _origin(layer: PlacedLayer) -> str:
    """What it is, of whom and when."""
    if isinstance(layer, SegmentationLayer):
        count = len(layer.segmentation.segments)
        return f"Segmentation · {count} segment{'' if count == 1 else 's'}"
    assert isinstance(layer, VolumeLayer)
    source = layer.source.shown
    parts = (source.modality, text_format.date(source.study_date), text_format.person(source.patient_name))
    return " · ".join(part for part in parts if part)


class Badges(QWidget):
    """The marks of a layer; the tool tip says them in full."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.texts: tuple[str, ...] = ()

    def show_badges(self, texts: tuple[str, ...]) -> None:
        """Draw these words, which the tool tip and a screen reader have, too; nothing where there are none."""
        self.texts = texts
        self.setToolTip("\n".join(texts))
        self.setAccessibleName(", ".join(texts))
        self.setVisible(bool(texts))
        self.update()

    def sizeHint(self) -> QSize:
        """One line of badges, px."""
        return QSize(100, badges.height(self.font()) + 2)

    def minimumSizeHint(self) -> QSize:
        """One line, cut short, px."""
        return QSize(40, badges.height(self.font()) + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as many badges as there is room for."""
        painter = QPainter(self)
        badges.paint(painter, QRect(0, 1, self.width(), badges.height(self.font())), self.texts, self.font())
        painter.end()
