"""The plugins: a list to choose from, and the chosen one's page with inputs, parameters and Run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.ui.jobs.panel import JobRow
from viewer.ui.plugins.inputs import PluginInputs
from viewer.ui.plugins.model_line import ModelLine
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import button, label, set_role
from viewer.ui.widgets.parameter_form import ParameterForm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtGui import QKeyEvent

    from viewer.plugin.plugin import Plugin
    from viewer.scene.task import Task
    from viewer.session.session import Session

WEIGHTS = "weights"  # the parameter of a plugin that takes a file instead of its model
ID = Qt.ItemDataRole.UserRole


class PluginsPanel(QWidget):
    """Remembers each plugin's last values for the session. card_asked: the user wants to see a model's card."""

    card_asked = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setAccessibleName("Plugins")
        self.values: dict[str, dict[str, Any]] = {}
        self.page: PluginPage | None = None
        self.search = QLineEdit(placeholderText="Search plugins", clearButtonEnabled=True)
        self.search.setAccessibleName("Search plugins")
        self.search.addAction(theme.icon("search-line"), QLineEdit.ActionPosition.LeadingPosition)
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName("Plugins")
        self.area = QScrollArea(widgetResizable=True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.addWidget(self.tree)
        halves.addWidget(self.area)
        halves.setStretchFactor(1, 1)
        halves.setSizes([160, 480])
        halves.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.search)
        column.addWidget(halves, 1)
        self._fill()
        self.search.textChanged.connect(self._fill)
        self.tree.currentItemChanged.connect(self._picked)

    def choose(self, plugin_id: str, inputs: Mapping[str, str] | None = None) -> None:
        """Show a plugin's page, with layers (by their ids) chosen for its inputs."""
        self.search.clear()
        for item in self.tree.findItems("", Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive):
            if item.data(0, ID) == plugin_id:
                self.tree.setCurrentItem(item)
        if self.page is not None:
            self.page.choose(inputs or {})
            self.page.run_button.setFocus()

    def _fill(self) -> None:
        """The plugins that match the search, by group; those that cannot be used last, in grey with the reason."""
        self.tree.clear()
        words = self.search.text().lower().split()
        groups: dict[str, QTreeWidgetItem] = {}
        for plugin in self.session.plugins.values():
            text = f"{plugin.title} {plugin.group} {plugin.summary}".lower()
            if plugin.has_form and all(word in text for word in words):
                group = groups.setdefault(plugin.group, _heading(plugin.group))
                item = QTreeWidgetItem([plugin.title])
                item.setIcon(0, theme.icon("ai" if plugin.model else "plugin"))
                item.setToolTip(0, plugin.summary)
                item.setData(0, ID, plugin.id)
                group.addChild(item)
        if not words:
            for broken in self.session.broken:
                item = QTreeWidgetItem([f"{broken.name}: {broken.reason}"])
                item.setIcon(0, theme.icon("warning", theme.DIM))
                item.setToolTip(0, broken.reason)
                item.setDisabled(True)
                groups.setdefault("Cannot be used", _heading("Cannot be used")).addChild(item)
        self.tree.addTopLevelItems(list(groups.values()))
        self.tree.expandAll()

    def _picked(self, item: QTreeWidgetItem | None) -> None:
        plugin = self.session.plugins.get(item.data(0, ID)) if item is not None else None
        if plugin is None or (self.page is not None and self.page.plugin is plugin):
            return
        if self.page is not None:
            self.page.close_page()
        self.page = PluginPage(self.session, plugin, self.values.setdefault(plugin.id, {}), self.card_asked.emit)
        self.area.setWidget(self.page)


class PluginPage(QWidget):
    """One plugin: what it does, its model, its inputs, its form, Run, and the job that came of it.

    values: kept up to date. show_card: brings the card of a model forward.
    """

    def __init__(
        self, session: Session, plugin: Plugin, values: dict[str, Any], show_card: Callable[[str], object]
    ) -> None:
        super().__init__()
        self.session, self.plugin = session, plugin
        self.model = ModelLine(session.models, plugin.model, show_card) if plugin.model else None
        self.form = ParameterForm(plugin, values)
        self.form.changed.connect(values.update)
        self.chooser = PluginInputs(session, plugin)
        self.inputs = self.chooser.boxes
        self.row: JobRow | None = None
        self._build()
        document, events = session.document, session.state.events
        self._followed = (
            document.inserted, document.removed, document.visibility, events.active, events.layout, events.compared,
            session.history.changed, session.models.changed,
        )  # fmt: skip
        for signal in self._followed:
            signal.connect(self.refresh)
        if plugin.model:
            session.models.look_once()
        self.form.changed.connect(lambda: self._check())
        self.chooser.changed.connect(self._check)
        self.refresh()

    def close_page(self) -> None:
        """Stop following the session; a run goes on in the job list."""
        for signal in self._followed:
            signal.disconnect(self.refresh)
        if self.row is not None:
            self.row.close_row()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter runs, wherever the cursor is on the page."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.run_button.isEnabled():
            self.run()
        else:
            super().keyPressEvent(event)

    def refresh(self) -> None:
        """Follow the layers and the model."""
        self.chooser.refresh()
        if self.model is not None:
            self.model.show_model()
        self._check()

    def choose(self, inputs: Mapping[str, str]) -> None:
        """Choose layers, by their ids, for inputs."""
        self.chooser.choose(inputs)

    def run(self) -> Task:
        """Begin; the page shows how far it is. The inputs stay, although the result becomes the active layer."""
        self.chooser.keep()
        try:
            task = self.session.runs.run_plugin(self.plugin.id, self.chooser.chosen, self.form.values)
        except ValueError as error:
            task = self.session.tasks.add("run", self.plugin.title)
            self.session.tasks.fail(task, str(error))
        if self.row is not None:
            self._column.removeWidget(self.row)
            self.row.close_row()
        self.row = JobRow(task)
        self._column.insertWidget(self._column.count() - 1, self.row)
        return task

    def _build(self) -> None:
        plugin = self.plugin
        self.run_button = button(f"Run {plugin.title}", "run", self.run, "primary", theme.CHROME)
        defaults = button("Defaults", "reopen", self.form.reset, "quiet")
        self.target = label()
        self.verdict = label(role="dim")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 8, 8, 8)
        self._column.setSpacing(8)
        self._column.addWidget(label(plugin.title, "heading"))
        self._column.addWidget(label(plugin.summary))
        if plugin.description:
            self._column.addWidget(label(plugin.description, "dim"))
        if self.model is not None:
            self._column.addWidget(self.model)
        self._column.addWidget(self.chooser)
        self._column.addWidget(self.form)
        self._column.addWidget(defaults, 0, Qt.AlignmentFlag.AlignRight)
        self._column.addWidget(self.target)
        self._column.addWidget(self.run_button)
        self._column.addWidget(self.verdict)
        self._column.addStretch()

    def _check(self) -> None:
        """Whether it can run, and if not, why."""
        problem = self._problem()
        named = [f"{image.name} · {text_format.patient(image.source)}" for image in self.chooser.images]
        self.target.setText("Run on " + "\nwith ".join(named) if named else "")
        where = f"the {text_format.device(self.session.runs.device if self.plugin.gpu else 'cpu')}"
        text = f"Runs on {where}, beside the window. {self._becomes}"
        self.verdict.setText(problem or text)
        set_role(self.verdict, "warning" if problem and self.session.document.volume_layers else "dim")
        self.run_button.setEnabled(not problem)

    @property
    def _becomes(self) -> str:
        if "moving" in self.inputs and any(one.type == "transform" for one in self.plugin.outputs):
            return "The moving image is then shown where it was found to belong; that waits for your review."
        return "The result is a new layer that waits for your review."

    def _problem(self) -> str:
        """Why it cannot run, in one sentence; "" where it can."""
        own = self.form.values.get(WEIGHTS)
        if self.plugin.model and not own and (problem := self.session.models.problem(self.plugin.model)):
            takes = any(one.name == WEIGHTS for one in self.plugin.parameters)
            return f"{problem} Or choose a file of {WEIGHTS} of your own." if takes else problem
        return self.chooser.problem or self.form.problem.text()


def _heading(text: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([text])
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    item.setForeground(0, theme.DIM)
    return item
