"""The middle of the window: four views of the document in a layout, and the time line under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QKeyEvent, QPainter
from PySide6.QtWidgets import QGridLayout, QLabel, QStackedLayout, QStackedWidget, QVBoxLayout, QWidget

from viewer.render.slices.slice_view import SliceView
from viewer.render.view import MouseEvent, View
from viewer.render.volumes.volume_view import VolumeView
from viewer.scene.active_image import seen_images
from viewer.scene.document import SingleLayerDocument
from viewer.scene.view_state import VIEWS, Layout
from viewer.settings import NOTICE
from viewer.tools.mouse_dispatch import Mouse
from viewer.tools.navigate.scroll import scroll_onward
from viewer.tools.navigate.value_probe import ProbeTool
from viewer.tools.tool import DrawingKey, ToolServices
from viewer.ui.actions.shortcut_editor import gestures
from viewer.ui.views.timeline import Timeline
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.scene.layer import VolumeLayer
    from viewer.session.session import Session
    from viewer.tools.mouse_profiles import Profile

Cell = tuple[int, int, int, int]  # row, column, rows, columns
SIDE_BY_SIDE = 4  # layers at most
DRAWING_KEYS: dict[Qt.Key, DrawingKey] = {
    Qt.Key.Key_Return: "end",
    Qt.Key.Key_Enter: "end",
    Qt.Key.Key_Escape: "drop",
    Qt.Key.Key_Backspace: "back",
}
WARM_MS = 500  # enough for the first, empty frames


class ViewGrid(QStackedWidget):
    """An invitation while there is no image, then the views. Only those that the layout shows are drawn."""

    open_asked = Signal()

    def __init__(self, session: Session, profile: Profile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Views")
        self.session = session
        self.by_name = {name: self._make(name) for name in VIEWS}
        prompts = session.prompts
        work = ToolServices(session.messages.warn, session.segments.run_effect, prompts.add, prompts.first_layer)
        self.mouse = Mouse(session.document, session.state, profile, session.history.do, work)
        self.probe = ProbeTool(session.document, session.state, session.history.do)
        self._compared: dict[str, SliceView] = {}  # layer id -> the view that shows it alone
        for view in self.by_name.values():
            self._listen(view)
        self.timeline = Timeline(session)
        self._before: Layout = "2x2"  # what a double click goes back to
        self._main = session.state.view  # the large view of 1+3
        self._empty = self._invite(self.open_asked.emit, session.studies.open_sample)
        self.addWidget(self._empty)
        self.addWidget(self._arrange_page())
        for signal, follow in (
            (session.state.events.layout, self._lay_out),
            (session.state.events.compared, self._lay_out),
            (session.state.events.view, self._activate),
            (session.document.inserted, self._layers_changed),
            (session.document.removed, self._layers_changed),
        ):
            signal.connect(follow)
        self._lay_out()
        self._choose_page()

    # ---- what actions ask for
    @property
    def active(self) -> View:
        """The view that the keyboard means."""
        return self.by_name[self.session.state.view]

    @property
    def slices(self) -> SliceView:
        """The active view, or the axial one where that is the 3-D view."""
        view = self.active if isinstance(self.active, SliceView) else self.by_name["axial"]
        assert isinstance(view, SliceView)
        return view

    @property
    def all(self) -> tuple[View, ...]:
        """Every view, those of the layout and those that compare."""
        return (*self.by_name.values(), *self._compared.values())

    def read_on(self, slices: int) -> None:
        """Scroll on by so many slices in the active view; in the axial one where that is the 3-D view."""
        scroll_onward(self.slices, slices)

    def look_from(self, side: str) -> None:
        """Turn the 3-D view to see the patient from a side."""
        self.volume.look_from(side)

    def set_volume_preset(self, name: str) -> None:
        """Show the 3-D view by a preset's name."""
        self.volume.set_preset(name)

    @property
    def volume(self) -> VolumeView:
        """The 3-D view."""
        view = self.by_name["volume"]
        assert isinstance(view, VolumeView)
        return view

    def flip_one_up(self, name: str) -> None:
        """Show one view alone, or go back."""
        state = self.session.state
        if state.layout == "1-up":
            state.layout = self._before
        else:
            self._before = state.layout
            state.view = name
            state.layout = "1-up"

    def picture(self) -> QImage:
        """All visible views as they are on the screen, texts included."""
        ratio = self.devicePixelRatioF()
        whole = QImage(self._page.size() * ratio, QImage.Format.Format_RGB32)
        whole.setDevicePixelRatio(ratio)
        whole.fill(theme.LINE)
        painter = QPainter(whole)
        self.draw(painter, self._page)
        painter.end()
        return whole

    def draw(self, painter: QPainter, around: QWidget) -> None:
        """Draw the visible views where they lie in a widget around them (QWidget.grab leaves their texts out)."""
        for view in self.all:
            if view.isVisible():
                corner = view.mapTo(around, QPoint(0, 0))
                painter.drawImage(QRect(corner, view.size()), view.picture())

    def warm(self) -> None:
        """Let the views make their OpenGL behind the invitation: the first image is then on the screen sooner."""
        stack = self.layout()
        assert isinstance(stack, QStackedLayout)
        stack.setStackingMode(QStackedLayout.StackingMode.StackAll)

        def cover() -> None:
            stack.setStackingMode(QStackedLayout.StackingMode.StackOne)
            for place in range(self.count()):
                page = self.widget(place)
                assert page is not None
                page.setVisible(place == self.currentIndex())

        QTimer.singleShot(WARM_MS, self, cover)

    def set_drop(self, on: bool) -> None:
        """Show that what is being dragged can be dropped here."""
        self._empty.setProperty("drop", on)
        self._empty.style().unpolish(self._empty)
        self._empty.style().polish(self._empty)

    def set_profile(self, profile: Profile) -> None:
        """Take the mouse table of a profile, and tell it to whoever asks for help (F1)."""
        self.mouse.profile = profile
        for view in self.by_name.values():
            table = profile.volume if view is self.volume else profile.slices
            view.setWhatsThis("\n".join(f"{gesture}: {what}" for what, gesture in gestures(table)))

    # ---- build
    def _make(self, name: str) -> View:
        kind: Callable[..., View] = VolumeView if name == "volume" else SliceView
        parts = (self.session.document, self.session.state)
        return kind(*parts) if name == "volume" else kind(*parts, name)

    def _listen(self, view: View) -> None:
        self.mouse.follow(view)
        self.probe.follow(view)
        view.mouse.connect(self._mouse)
        view.installEventFilter(self)

    def _arrange_page(self) -> QWidget:
        page = QWidget()
        self._page = QWidget()
        self._page.setObjectName("views")
        self._page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(1)
        for view in self.by_name.values():
            view.setParent(self._page)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._page, 1)
        column.addWidget(self.timeline)
        return page

    def _invite(self, browse: Callable[[], object], sample: Callable[[], object]) -> QWidget:
        page = QWidget()
        page.setObjectName("empty")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        sign = QLabel()
        sign.setPixmap(theme.icon("folder-received", theme.DIM).pixmap(48, 48))
        column = QVBoxLayout(page)
        column.setSpacing(16)
        column.addStretch(2)
        for widget in (
            sign,
            label("Drop a study here, or open the sample", "title", wrap=False),
            button("Open folder…", "open", browse, "primary", theme.CHROME),
            button("Open sample", "sample", sample),
            label(NOTICE, "dim", wrap=False),
        ):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        return page

    # ---- follow
    def _cells(self) -> dict[View, Cell]:
        """Which views the layout shows, and where."""
        state = self.session.state
        if state.layout == "1-up":
            return {self.active: (0, 0, 1, 1)}
        if state.layout == "compare":
            return {view: (0, column, 1, 1) for column, view in enumerate(self._compared.values())}
        if state.layout == "1+3":
            main = self.by_name[self._main]
            others = (view for view in self.by_name.values() if view is not main)
            return {main: (0, 0, 3, 1)} | {view: (row, 1, 1, 1) for row, view in enumerate(others)}
        return {view: (place // 2, place % 2, 1, 1) for place, view in enumerate(self.by_name.values())}

    def _lay_out(self) -> None:
        self._main = self.session.state.view
        self._lay_side_by_side()
        cells = self._cells()
        for view in self.all:
            self._grid.removeWidget(view)
            view.setVisible(view in cells)
        for view, cell in cells.items():
            self._grid.addWidget(view, *cell)
        rows = max((row + tall for row, _, tall, _ in cells.values()), default=0)
        columns = max((column + wide for _, column, _, wide in cells.values()), default=0)
        for n in range(SIDE_BY_SIDE):
            self._grid.setRowStretch(n, int(n < rows))
            self._grid.setColumnStretch(n, int(n < columns))
        if self.session.state.layout == "1+3":
            self._grid.setColumnStretch(0, 2)
        self._activate()

    def _lay_side_by_side(self) -> None:
        """One view a layer, all in the plane of the active view: made when asked for, gone with the layout."""
        for view in self._compared.values():
            view.hide()
            view.deleteLater()
        self._compared.clear()
        for layer in self._to_compare():
            plane = self.active.name if isinstance(self.active, SliceView) else "axial"
            view = SliceView(SingleLayerDocument(layer, self.session.document), self.session.state, plane, self._page)
            self._compared[layer.id] = view
            self._listen(view)

    def _to_compare(self) -> tuple[VolumeLayer, ...]:
        """The layers that the state names; where it names none the visible ones, the uppermost of them."""
        if self.session.state.layout != "compare":
            return ()
        return seen_images(self.session.document, self.session.state)[-SIDE_BY_SIDE:]

    def _activate(self) -> None:
        state = self.session.state
        if state.layout == "1-up" and self.active.isHidden():
            self._lay_out()
        for name, view in self.by_name.items():
            view.set_active(name == state.view and state.layout != "1-up")
        if any(view.hasFocus() for view in self.by_name.values()):
            self.active.setFocus()

    def _layers_changed(self) -> None:
        if self.session.state.layout == "compare":
            self._lay_out()
        self._choose_page()

    def _choose_page(self) -> None:
        self.setCurrentIndex(1 if len(self.session.document) else 0)

    def _mouse(self, view: View, event: MouseEvent) -> None:
        if event.kind == "press":
            self.session.state.view = view.name
            alone = next((layer_id for layer_id, one in self._compared.items() if one is view), "")
            self.session.state.active = alone or self.session.state.active
        elif event.kind == "double" and event.button == "left" and not self.mouse.double_click(view, event):
            self.flip_one_up(view.name)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A view that gets the keyboard is the active one. Keys that a drawing under way needs go to that first."""
        if isinstance(event, QKeyEvent) and (name := DRAWING_KEYS.get(Qt.Key(event.key()))) and self.mouse.drawing:
            if event.type() == QEvent.Type.KeyPress:
                self.mouse.handle_key(name)
            event.accept()
            return True
        if event.type() == QEvent.Type.FocusIn and isinstance(watched, View):
            self.session.state.view = watched.name
        return super().eventFilter(watched, event)
