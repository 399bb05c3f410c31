"""The slider under the views that chooses the time point of a 4-D image, and plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from viewer.scene.layer import VolumeLayer
from viewer.tools.navigate.timepoint import timepoints
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import tabular

if TYPE_CHECKING:
    from viewer.session.session import Session

PACE = 125  # ms a time point while playing


class Timeline(QWidget):
    """Shown only where an image has more than one time point."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.session = session
        self.button = QToolButton()
        self.button.setAccessibleName("Play time points")
        self.button.clicked.connect(self.flip)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Time point")
        self.slider.valueChanged.connect(self._choose)
        self.text = QLabel()
        self.text.setFont(tabular(self.font()))
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 4, 8, 4)
        for widget in (self.button, self.slider, self.text):
            line.addWidget(widget)
        self._clock = QTimer(self, interval=PACE)
        self._clock.timeout.connect(self._next)
        for signal in (session.document.inserted, session.document.removed, session.state.events.timepoint):
            signal.connect(self._follow)
        self._follow()

    @property
    def playing(self) -> bool:
        """Whether the time points are played."""
        return self._clock.isActive()

    def flip(self) -> None:
        """Play, or stop playing."""
        if self.playing:
            self._clock.stop()
        elif self._count > 1:
            self._clock.start()
        self._show_button()

    def _follow(self, *_: object) -> None:
        self._count = timepoints(self.session.document)
        if self._count < 2:
            self._clock.stop()
        self.setVisible(self._count > 1)
        now = self.session.state.timepoint
        self.slider.setRange(0, max(self._count - 1, 0))
        self.slider.setValue(now)
        self.text.setText(f"{now + 1}/{self._count} {self._time(now)}".rstrip())
        self._show_button()

    def _time(self, now: int) -> str:
        layer = self.session.document.find(self.session.state.active)
        return f"· {layer.volume(now).time}" if isinstance(layer, VolumeLayer) and layer.volume(now).time else ""

    def _choose(self, place: int) -> None:
        self.session.state.timepoint = place

    def _next(self) -> None:
        self.session.state.timepoint = (self.session.state.timepoint + 1) % self._count

    def _show_button(self) -> None:
        self.button.setIcon(theme.icon("pause" if self.playing else "play"))
        self.button.setToolTip("Pause" if self.playing else "Play the time points")
