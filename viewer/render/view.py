"""A view of the document: what slice views and the 3-D view share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from psygnal import Signal
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from vtkmodules.vtkRenderingCore import vtkRenderer

from viewer.render.gl_view import GLView
from viewer.render.overlay.overlay_painter import OverlayPainter
from viewer.render.tool_sketch import Draft, paint_draft
from viewer.scene.findings.visibility import hidden_layers
from viewer.scene.segmentation_layer import SegmentationLayer

if TYPE_CHECKING:
    from PySide6.QtGui import QImage, QInputEvent, QMouseEvent, QPainter, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from viewer.data.annotations.region import Point
    from viewer.data.box import Box
    from viewer.render.overlay.overlay import Overlay
    from viewer.scene.document import Document
    from viewer.scene.layer import Layer, VolumeLayer
    from viewer.scene.view_state import ViewState

Button = Literal["left", "middle", "right", ""]
Kind = Literal["press", "move", "release", "double", "wheel", "leave"]

BUTTONS: dict[Qt.MouseButton, Button] = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.MiddleButton: "middle",
    Qt.MouseButton.RightButton: "right",
}
MODIFIERS = {
    Qt.KeyboardModifier.ShiftModifier: "shift",
    Qt.KeyboardModifier.ControlModifier: "ctrl",
    Qt.KeyboardModifier.AltModifier: "alt",
}
PACE = 50  # ms between frames while pixels arrive
NOTCH = 120.0  # Qt's wheel units in one notch; touchpads send parts of it


@dataclass(frozen=True)
class MouseEvent:
    """What the mouse did. x, y: logical pixels from the top left. button: of a move, the one held.

    steps: wheel notches, with fractions, positive away from the user.
    """

    kind: Kind
    x: float = 0.0
    y: float = 0.0
    button: Button = ""
    modifiers: frozenset[str] = frozenset()
    steps: float = 0.0


class View(GLView):
    """Follows a document and a view state, and reports the mouse; it never writes to either on its own."""

    mouse = Signal(object, MouseEvent)  # the view, what happened

    def __init__(self, document: Document, state: ViewState, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document, self.state, self.name = document, state, name
        self.setObjectName(name)
        self.setAccessibleName(f"{name} view")
        self.renderer: Any = vtkRenderer()
        self.renderer.SetBackground(0, 0, 0)
        self.gl_window.AddRenderer(self.renderer)
        self._painter = OverlayPainter(self._text_size())
        self._active = False
        self._draft: Draft | None = None
        self._written: set[str] = set()  # ids of layers whose pixels changed since the last frame
        self._pace = QTimer(self, singleShot=True, interval=PACE)
        self._pace.timeout.connect(self.redraw)
        for layer in document:
            self._follow(layer)
        document.inserted.connect(self._inserted)
        document.removed.connect(self._removed)
        document.moved.connect(self._changed)
        document.landmarks.changed.connect(self._changed)
        document.findings.changed.connect(self._changed)
        state.events.connect(self._changed)

    def _text_size(self) -> int:
        """A pixel less than the text around the views; it grows with that."""
        return max(10, self.font().pixelSize() - 1)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the size of the text."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_painter"):
            self._painter = OverlayPainter(self._text_size())
            self.redraw()

    # What a kind of view adds.
    def overlay(self) -> Overlay:
        """What is written over the picture now."""
        raise NotImplementedError

    def world_at(self, x: float, y: float) -> tuple[float, float, float] | None:
        """The LPS position in mm under a widget pixel; None where there is none."""
        raise NotImplementedError

    def pixel_of(self, place: Point) -> tuple[float, float]:
        """Where a place of a Draft lies on the screen; where pixels have no place it is the pixel itself."""
        return place[0], place[1]

    @property
    def scale(self) -> float:
        """Millimetres a logical pixel, in the last picture."""
        return 2 * float(self.renderer.GetActiveCamera().GetParallelScale()) / max(self.height(), 1)

    def zoom(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        """Enlarge by a factor, about a pixel (else about the middle)."""
        raise NotImplementedError

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by logical pixels."""
        raise NotImplementedError

    def fit(self) -> None:
        """Show everything."""
        raise NotImplementedError

    def drop(self, layer: Layer) -> None:
        """Let go of what was held for a layer that left the document."""
        raise NotImplementedError

    def shows(self, layer: Layer, box: Box) -> bool:
        """False where a part of a layer's array cannot be seen in this view now."""
        return layer in self.document.shown

    @property
    def shown(self) -> tuple[VolumeLayer, ...]:
        """The visible images, the base first; the base alone while overlays are hidden."""
        hidden = hidden_layers(self.document, self.state)
        visible = tuple(layer for layer in self.document.shown if layer.id not in hidden)
        return visible if self.state.show_overlays else visible[:1]

    @property
    def labels(self) -> tuple[SegmentationLayer, ...]:
        """The segmentations that are drawn over the images, bottom first: those of the time point, and of all."""
        shown = self.document.shown_segmentations if self.state.show_overlays else ()
        hidden = hidden_layers(self.document, self.state)
        return tuple(layer for layer in shown if layer.is_at(self.state.timepoint) and layer.id not in hidden)

    def set_active(self, active: bool) -> None:
        """Show or hide the accent frame."""
        if active != self._active:
            self._active = active
            self.redraw()

    def sketch(self, draft: Draft | None) -> None:
        """Show what a tool is at, over everything; None to show it no longer."""
        if draft != self._draft:
            self._draft = draft
            self.redraw()

    def picture(self) -> QImage:
        """What is on the screen, text included."""
        return self.grabFramebuffer()

    def paint_overlay(self, painter: QPainter) -> None:
        """Paint what the view has to say over its picture, and the line that a tool is drawing."""
        self._painter.paint(painter, self.overlay(), self.width(), self.height())
        if self._draft:
            paint_draft(painter, self._draft, self.pixel_of, self.scale)

    # Following.
    def _changed(self, *_: Any) -> None:
        self.redraw()

    def _follow(self, layer: Layer) -> None:
        layer.events.connect(self._changed)
        layer.touched.connect(self._touched)

    def _inserted(self, _: int, layer: Layer) -> None:
        self._follow(layer)
        self.redraw()

    def _removed(self, _: int, layer: Layer) -> None:
        layer.events.disconnect(self._changed)
        layer.touched.disconnect(self._touched)
        self.drop(layer)
        self.redraw()

    def _touched(self, number: int, box: Box) -> None:
        """number: the time point of an image, the label map of a segmentation."""
        layer: Layer = Signal.sender()
        labels = isinstance(layer, SegmentationLayer)
        if (labels or number == self.state.timepoint) and self.shows(layer, box):
            self._written.add(layer.id)
            if labels:  # a hand draws them: at once
                self.redraw()
            elif not self._pace.isActive():
                self._pace.start()

    # The mouse.
    def _tell(self, kind: Kind, event: QInputEvent, at: QPointF, button: Button = "", steps: float = 0.0) -> None:
        held = frozenset(name for flag, name in MODIFIERS.items() if event.modifiers() & flag)
        self.mouse.emit(self, MouseEvent(kind, at.x(), at.y(), button, held, steps))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell the mouse's listener which button went down, and where."""
        self._tell("press", event, event.position(), BUTTONS.get(event.button(), ""))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell it which button was let go."""
        self._tell("release", event, event.position(), BUTTONS.get(event.button(), ""))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Tell it of the second press of a double click."""
        self._tell("double", event, event.position(), BUTTONS.get(event.button(), ""))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell it where the mouse is, and which button is held."""
        held: Button = next((name for flag, name in BUTTONS.items() if event.buttons() & flag), "")
        self._tell("move", event, event.position(), held)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Tell it by how many notches the wheel was turned, away from the person positive."""
        turned = event.angleDelta()
        delta = turned.y() or turned.x()  # Alt turns the wheel sideways on some systems
        self._tell("wheel", event, event.position(), steps=delta / NOTCH)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell it that the mouse is over the view no longer."""
        self.mouse.emit(self, MouseEvent("leave"))
        super().leaveEvent(event)
