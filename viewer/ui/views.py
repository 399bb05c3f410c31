"""The middle of the window: four views of the document in a layout, and the time line under them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGridLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from viewer.render.slice_view import SliceView
from viewer.render.view import MouseEvent, View
from viewer.render.volume_view import VolumeView
from viewer.scene.view_state import VIEWS, Layout
from viewer.session import Session
from viewer.settings import NOTICE
from viewer.tools.mouse import Mouse
from viewer.tools.probe import Probe
from viewer.tools.profiles import Profile
from viewer.tools.scroll import onward
from viewer.ui import theme
from viewer.ui.timeline import Timeline
from viewer.ui.widgets import button, label

Cell = tuple[int, int, int, int]  # row, column, rows, columns


class Views(QStackedWidget):
    """An invitation while there is no image, then the views. Only those that the layout shows are drawn."""

    open_asked = Signal()

    def __init__(self, session: Session, profile: Profile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Views")
        self.session = session
        self.by_name = {name: self._make(name) for name in VIEWS}
        self.mouse = Mouse(session.document, session.state, profile)
        self.probe = Probe(session.document, session.state)
        for view in self.by_name.values():
            self.mouse.follow(view)
            self.probe.follow(view)
            view.mouse.connect(self._mouse)
            view.installEventFilter(self)
        self.timeline = Timeline(session)
        self._before: Layout = "2x2"  # what a double click goes back to
        self._main = session.state.view  # the large view of 1+3
        self._empty = self._invite(self.open_asked.emit, session.open_sample)
        self.addWidget(self._empty)
        self.addWidget(self._arrange_page())
        for signal, follow in (
            (session.state.events.layout, self._lay_out),
            (session.state.events.view, self._activate),
            (session.document.inserted, self._choose_page),
            (session.document.removed, self._choose_page),
        ):
            signal.connect(follow, check_nargs=False)
        self._lay_out()
        self._choose_page()

    # ---- what actions ask for
    @property
    def active(self) -> View:
        """The view that the keyboard means."""
        return self.by_name[self.session.state.view]

    def read_on(self, slices: int) -> None:
        """Onward in the active view; in the axial one where that is the 3-D view."""
        view = self.active if isinstance(self.active, SliceView) else self.by_name["axial"]
        assert isinstance(view, SliceView)
        onward(view, slices)

    def look_from(self, side: str) -> None:
        """Turn the 3-D view to see the patient from a side."""
        self.volume.look_from(side)

    def set_volume_preset(self, name: str) -> None:
        self.volume.set_preset(name)

    @property
    def volume(self) -> VolumeView:
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
        for view in self.by_name.values():
            if view.isVisible():
                painter.drawImage(view.geometry(), view.picture())
        painter.end()
        return whole

    def set_drop(self, on: bool) -> None:
        """Show that what is being dragged can be dropped here."""
        self._empty.setProperty("drop", on)
        self._empty.style().unpolish(self._empty)
        self._empty.style().polish(self._empty)

    # ---- build
    def _make(self, name: str) -> View:
        kind: Callable[..., View] = VolumeView if name == "volume" else SliceView
        parts = (self.session.document, self.session.state)
        return kind(*parts) if name == "volume" else kind(*parts, name)

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
            label("Drop a study here, or open the sample", "title"),
            button("Open folder…", "open", browse, "primary", theme.CHROME),
            button("Open sample", "sample", sample),
            label(NOTICE, "dim"),
        ):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        return page

    # ---- follow
    def _cells(self) -> dict[str, Cell]:
        """Which views the layout shows, and where."""
        state = self.session.state
        if state.layout == "1-up":
            return {state.view: (0, 0, 1, 1)}
        if state.layout == "1+3":
            others = [name for name in VIEWS if name != self._main]
            return {self._main: (0, 0, 3, 1)} | {name: (row, 1, 1, 1) for row, name in enumerate(others)}
        return {name: (place // 2, place % 2, 1, 1) for place, name in enumerate(VIEWS)}

    def _lay_out(self) -> None:
        self._main = self.session.state.view
        cells = self._cells()
        for name, view in self.by_name.items():
            self._grid.removeWidget(view)
            view.setVisible(name in cells)
        for name, cell in cells.items():
            self._grid.addWidget(self.by_name[name], *cell)
        rows = max(row + tall for row, _, tall, _ in cells.values())
        columns = max(column + wide for _, column, _, wide in cells.values())
        for n in range(3):
            self._grid.setRowStretch(n, int(n < rows))
            self._grid.setColumnStretch(n, int(n < columns))
        if self.session.state.layout == "1+3":
            self._grid.setColumnStretch(0, 2)
        self._activate()

    def _activate(self) -> None:
        state = self.session.state
        if state.layout == "1-up" and self.active.isHidden():
            self._lay_out()
        for name, view in self.by_name.items():
            view.set_active(name == state.view and state.layout != "1-up")
        if any(view.hasFocus() for view in self.by_name.values()):
            self.active.setFocus()

    def _choose_page(self) -> None:
        self.setCurrentIndex(1 if len(self.session.document) else 0)

    def _mouse(self, view: View, event: MouseEvent) -> None:
        if event.kind == "press":
            self.session.state.view = view.name
        elif event.kind == "double" and event.button == "left":
            self.flip_one_up(view.name)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A view that gets the keyboard is the active one."""
        if event.type() == QEvent.Type.FocusIn and isinstance(watched, View):
            self.session.state.view = watched.name
        return super().eventFilter(watched, event)
