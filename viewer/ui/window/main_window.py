"""The window: it puts menus, panels, views and status together, and keeps its shape from one start to the next."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QPainter,
    QPixmap,
)
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QWidget,
)

from viewer.io.project.project_file import ENDING
from viewer.scene.task import Message, Severity, Task
from viewer.settings import NAME
from viewer.ui.actions.action import ActionList
from viewer.ui.actions.menus import ToolBar, build_menus
from viewer.ui.findings.panel import FindingsPanel
from viewer.ui.inspect.panel import InspectPanel
from viewer.ui.jobs.panel import JobsPanel
from viewer.ui.layers.info_panel import InfoPanel
from viewer.ui.layers.panel import LayersPanel
from viewer.ui.plugins.panel import PluginsPanel
from viewer.ui.register.comparison_controller import ComparisonController
from viewer.ui.register.panel import RegisterPanel
from viewer.ui.review.panel import ReviewPanel
from viewer.ui.review.worklist_panel import WorklistPanel, study_splitter
from viewer.ui.segments.panel import SegmentsPanel
from viewer.ui.studies.panel import StudiesPanel
from viewer.ui.studies.tree_model import IMAGE_MIME, unpacked_keys
from viewer.ui.views.controller import ViewsController
from viewer.ui.views.view_grid import ViewGrid
from viewer.ui.widgets import theme
from viewer.ui.window.action_list import Controllers, all_actions
from viewer.ui.window.close_question import may_leave
from viewer.ui.window.commands import WindowCommands
from viewer.ui.window.docks import Docks
from viewer.ui.window.file_commands import FileCommands
from viewer.ui.window.inspector import Inspector
from viewer.ui.window.status_bar import StatusBar
from viewer.ui.window.window_geometry import keep_shape, restore_shape, restore_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from viewer.session.session import Session
    from viewer.ui.preferences import Preferences


class MainWindow(QMainWindow):
    """One session on the screen."""

    def __init__(self, session: Session, preferences: Preferences) -> None:
        super().__init__()
        self.session = session
        self.preferences = preferences
        self._apply_theme()
        self.setWindowTitle(NAME)
        self.setAcceptDrops(True)
        self.resize(1440, 900)
        restore_view(session.state, preferences)
        with theme.unstyled():  # else each widget would be polished anew with everything that it is put into
            self.views = ViewGrid(session, preferences.habits)
            self.status = StatusBar(session)
            self.setCentralWidget(self.views)
            self.setStatusBar(self.status)
            self._add_panels()
            self.files = FileCommands(self, self.views)
            self.commands = WindowCommands(self, self.docks, self.studies, self.inspector, self.status, self._zones)
            self.actions_ = ActionList(all_actions(self._controllers(), self), self, self.views)
            build_menus(self.menuBar(), self.actions_)
            self.bar = ToolBar(self.actions_)
            self.addToolBar(self.bar)
            self.apply_preferences()
            self._follow()
        restore_shape(self, preferences)

    # ---- open
    def open(self, paths: Sequence[str | Path]) -> Task:
        """Index paths; the image is shown at once where there is no choice to make. A project is opened as it was."""
        for path in reversed(paths):
            self.preferences.remember(str(path))
        self.studies.show_recent(self.preferences.recent)
        if projects := [path for path in paths if str(path).lower().endswith(ENDING)]:
            return self.session.projects.open(Path(projects[0]))
        known = set(self.session.studies.images)
        task = self.session.studies.open(paths)
        task.events.state.connect(lambda state: self._opened(known) if state == "done" else None)
        self.actions_.refresh()
        return task

    def _opened(self, known: set[str]) -> None:
        """With nothing on the screen, show the largest image of the only study that came."""
        new = [image for key, images in self.session.studies.images.items() if key not in known for image in images]
        if new and not len(self.session.document) and len({image.source.study_uid for image in new}) == 1:
            self.session.studies.load(max(new, key=lambda image: image.bytes))

    def picture(self) -> QPixmap:
        """The whole window as it is on the screen."""
        whole = self.grab()
        painter = QPainter(whole)
        self.views.draw(painter, self)
        painter.end()
        return whole

    def _follow_run(self, task: Task) -> None:
        """Offer to look at a result beside its input, or at a tuned model beside the old one, once it is there."""
        offers: dict[str, tuple[str, str, Callable[[], None]]] = {
            "run": ("The result waits for your review.", "Side by side", self.actions_["layout_compare"].trigger),
            "tune": ("The tuned model waits for your choice.", "Review", partial(self.bring_forward, self.review)),
        }

        def ended(state: str) -> None:
            if state == "done":
                text, button, look = offers[task.kind]
                self.status.show_message(Message(f"{task.title}: done. {text}", "info", button, look))

        if task.kind in offers:
            task.events.state.connect(ended)

    # ---- what actions ask for
    def has_layers(self) -> bool:
        """Whether any layer is open."""
        return len(self.session.document) > 0

    def has_images(self) -> bool:
        """Whether any image is open."""
        return bool(self.session.document.volume_layers)

    def end_stroke(self) -> None:
        """End what the mouse is at, so that it is one step of its own."""
        self.views.mouse.let_go()

    def bring_forward(self, panel: QWidget) -> None:
        """Show a panel of the inspector."""
        self.inspector.setCurrentWidget(panel)

    def show_message(self, text: str, severity: Severity = "info") -> None:
        """Say a sentence in the status bar; it stays in the list of messages."""
        self.status.say(text, severity)

    def choose_plugin(self, name: str, inputs: Mapping[str, str] | None = None) -> None:
        """Show a plugin's form. inputs: layer ids by the plugin's names for them."""
        self.docks.right.show()
        self.bring_forward(self.plugins)
        self.plugins.choose(name, inputs or {})

    def apply_preferences(self) -> None:
        """Take over everything the settings say."""
        self._apply_theme()
        if self.views.mouse.profile is not self.preferences.habits:
            self.session.state.tool = self.preferences.habits.tool
        self.views.set_profile(self.preferences.habits)
        self.session.history.budget = self.preferences.undo_memory << 20
        self.session.runs.reading = self.preferences.reading
        self.actions_.set_keys(self.preferences.keys)
        self.bar.show_key(self.actions_.keys("palette"))

    def _apply_theme(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, self.preferences.theme, self.preferences.scale)

    # ---- build
    def _add_panels(self) -> None:
        self.studies = StudiesPanel(self.session)
        self.worklist = WorklistPanel(self.session)
        self.layers = LayersPanel(self.session)
        self.plugins = PluginsPanel(self.session)
        self.inspect = InspectPanel(self.session, lambda: self.views.slices)
        self.register = RegisterPanel(self.session, self.choose_plugin, self.plugins.values)
        self.comparison = ComparisonController(self.session, self.register.controller, lambda: self.views.slices)
        self.segments = SegmentsPanel(self.session)
        self.review = ReviewPanel(self.session, self.worklist.controller, self.segments.controller)
        self.findings = FindingsPanel(self.segments.controller, self.preferences, self.apply_preferences)
        self.info = InfoPanel(self.session)
        self.jobs = JobsPanel(self.session)
        self.inspector = Inspector()
        tabs = (
            (self.layers, "Layers", "layers"), (self.plugins, "Plugins", "plug"), (self.segments, "Segments", "brush"),
            (self.inspect, "Inspect", "search-eye"), (self.register, "Register", "focus-2"),
            (self.review, "Review", "check-double"), (self.findings, "Findings", "stethoscope"),
            (self.info, "Info", "info"),
        )  # fmt: skip
        for panel, title, icon in tabs:
            self.inspector.add(panel, title, icon)
        self.docks = Docks(self, study_splitter(self.studies, self.worklist), self.inspector, self.jobs)

    def _controllers(self) -> Controllers:
        return Controllers(
            self.files, self.commands, ViewsController(self.views), self.layers.controller, self.inspect.controller,
            self.comparison, self.segments, self.review, self.worklist, self.findings,
        )  # fmt: skip

    def _zones(self) -> list[QWidget]:
        """What the keyboard goes through, part by part."""
        return [self.bar.search, self.studies, self.views.active, self.inspector, self.status.list]

    def _follow(self) -> None:
        session = self.session
        document, events = session.document, session.state.events
        signals = (document.inserted, document.removed, document.moved, session.history.changed, events)
        for signal in signals:
            signal.connect(self.actions_.refresh)
        for dock in self.docks.by_side.values():
            dock.visibilityChanged.connect(self.actions_.refresh)
        self.views.probe.reading.connect(self.status.show_reading)
        session.tasks.added.connect(self._follow_run)
        session.projects.images_missing.connect(self.files.ask_for_images)
        self.segments.controller.changed.connect(self.actions_.refresh)
        self.findings.details.edit_asked.connect(self.actions_["edit_finding"].trigger)
        self.findings.controller.changed.connect(self.actions_.refresh)
        self.review.doubt.correct_asked.connect(self.actions_["correct_structure"].trigger)
        self.views.open_asked.connect(self.files.open_folder)
        self.studies.open_requested.connect(self.files.open_folder)
        self.studies.recent_chosen.connect(lambda path: self.open([path]))
        self.studies.show_recent(self.preferences.recent)
        self.plugins.card_asked.connect(self.commands.show_models)
        self.status.jobs_asked.connect(partial(self.docks.flip, "bottom"))
        self.status.messages_asked.connect(self.commands.show_messages)

    # ---- drag and drop
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Show that files and rows of the study browser can be dropped here."""
        if event.mimeData().hasUrls() or event.mimeData().hasFormat(IMAGE_MIME):
            event.acceptProposedAction()
            self.views.set_drop(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Show that no longer."""
        self.views.set_drop(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        self.views.set_drop(False)
        data = event.mimeData()
        if data.hasFormat(IMAGE_MIME):
            self.files.open_found(unpacked_keys(bytes(data.data(IMAGE_MIME).data())))
        elif paths := [url.toLocalFile() for url in data.urls() if url.isLocalFile()]:
            self.open(paths)
        event.acceptProposedAction()

    # ---- leaving
    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about what is not saved; then keep the window's shape and end the case that is read."""
        if not may_leave(self.session, self):
            event.ignore()
            return
        keep_shape(self, self.session.state, self.preferences)
        self.worklist.controller.end()
        event.accept()
