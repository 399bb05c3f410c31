"""The page of prompts: the tools that give them, what they mean, those that the segment has, and how sure it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.session.runs.nninteractive import METHOD as NNINTERACTIVE
from viewer.session.runs.prompts import NETWORK, PLUGIN
from viewer.tools.mouse_dispatch import PROMPTING
from viewer.ui.segments.masking import OVERLAPS
from viewer.ui.segments.prompts.doubt_controller import PromptDoubtController
from viewer.ui.segments.prompts.doubt_section import PromptDoubtSection
from viewer.ui.segments.prompts.nninteractive_dialog import NnInteractiveDialog
from viewer.ui.widgets.basics import button, label, tile

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from viewer.ui.segments.controller import SegmentsController

SIGNS = {True: "Part of the structure", False: "Not part of it"}
ENABLED = Qt.ItemDataRole.UserRole - 1  # the role by which a combo box keeps whether a choice can be made
ROWS = 12  # of the list that are seen at once, at most


class PromptsSection(QWidget):
    """Follows the chosen tool, the settings of prompts, and the chosen segment."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.tools: dict[str, QToolButton] = {}
        self.sign, self.overlap, self.method = QComboBox(), QComboBox(), QComboBox()
        self.list = QListWidget()
        self.delete = button("Delete", "remove", controller.delete_prompt)
        self.clear = button("Delete all", "remove", controller.delete_prompts)
        self.tip = label(role="dim")
        self.doubt = PromptDoubtSection(PromptDoubtController(controller))
        self._fill()
        self._build()
        self._listen()
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the tool, the settings and the prompts as they are."""
        state, segment = self.controller.state, self.controller.segment
        for name, made in self.tools.items():
            made.setChecked(name == state.tool)
        for box, value in (
            (self.sign, state.prompting.positive),
            (self.overlap, state.prompting.overlap),
            (self.method, self.controller.session.prompts.method),
        ):
            box.setCurrentIndex(box.findData(value))
        self._offer(NETWORK, self.controller.session.models.problem(self.controller.session.prompts.model))
        self._offer(NNINTERACTIVE, self.controller.session.prompts.nninteractive.problem)
        prompts = segment.prompts if segment else ()
        with QSignalBlocker(self.list):
            self.list.clear()
            for number, prompt in enumerate(prompts, 1):
                item = QListWidgetItem(f"{'+' if prompt.positive else '−'} {prompt.kind.capitalize()} {number}")
                item.setData(Qt.ItemDataRole.UserRole, prompt.id)
                self.list.addItem(item)
                item.setSelected(prompt.id == state.prompt)
        rows = min(len(prompts), ROWS)
        self.list.setFixedHeight(rows * self.list.sizeHintForRow(0) + 2 * self.list.frameWidth())
        self.list.setVisible(bool(prompts))
        self.delete.setEnabled(any(prompt.id == state.prompt for prompt in prompts))
        self.clear.setEnabled(bool(prompts))
        chosen = next((tool for tool in PROMPTING if tool.id == state.tool), None)
        self.tip.setText(f"{chosen.tip}." if chosen else "Choose a tool and show what the structure is.")

    def showEvent(self, event: QShowEvent) -> None:
        """Look which models there are, once somebody may want one."""
        self.controller.session.models.look_once()
        super().showEvent(event)

    def _offer(self, method: str, problem: str) -> None:
        """A method can be chosen where nothing is missing; else its tool tip says what is."""
        row = self.method.findData(method)
        self.method.setItemData(row, problem, Qt.ItemDataRole.ToolTipRole)
        self.method.setItemData(row, 0 if problem else None, ENABLED)

    def _fill(self) -> None:
        for positive, words in SIGNS.items():
            self.sign.addItem(words, positive)
        for overlap, words in OVERLAPS.items():
            self.overlap.addItem(words, overlap)
        plugin = self.controller.session.plugins.get(PLUGIN)
        parameters = {one.name: one for one in plugin.parameters} if plugin else {}
        for method in parameters["method"].choices if plugin else ():
            self.method.addItem(method if method == NNINTERACTIVE else str(method).capitalize(), method)
        for box, name in (
            (self.sign, "What the next prompt says"),
            (self.overlap, "Other segments"),
            (self.method, "How the mask is found"),
        ):
            box.setAccessibleName(name)
        self.list.setAccessibleName("Prompts of the segment")

    def _build(self) -> None:
        palette = QHBoxLayout()
        palette.setSpacing(2)
        for tool in PROMPTING:
            made = self.tools[tool.id] = tile(tool.title, tool.icon, f"{tool.tip} (key {tool.key})")
            made.clicked.connect(partial(self.controller.choose_tool, tool.id))
            palette.addWidget(made)
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for words, box in (("It is", self.sign), ("Others", self.overlap), ("Method", self.method)):
            form.addRow(label(words, "dim", wrap=False), box)
        buttons = QHBoxLayout()
        buttons.addWidget(self.delete)
        buttons.addWidget(self.clear)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(palette)
        column.addWidget(self.tip)
        column.addLayout(form)
        column.addWidget(self.list)
        column.addLayout(buttons)
        column.addWidget(self.doubt)

    def _listen(self) -> None:
        controller, events = self.controller, self.controller.state.events
        self.sign.activated.connect(lambda: controller.set_prompting(positive=self.sign.currentData()))
        self.overlap.activated.connect(lambda: controller.set_prompting(overlap=self.overlap.currentData()))
        self.method.activated.connect(lambda: self._choose_method(self.method.currentData()))
        self.list.itemSelectionChanged.connect(self._choose)
        models = controller.session.models
        for signal in (events.tool, events.prompting, events.prompt, controller.changed, models.changed):
            signal.connect(self.refresh)

    def _choose_method(self, method: str) -> None:
        """At once, but where weights have to be chosen and their licence to be accepted first."""
        nninteractive = self.controller.session.prompts.nninteractive
        if method != NNINTERACTIVE or nninteractive.weights is not None:
            self.controller.choose_prompt_method(method)
            return
        self.refresh()  # as it was, while it is asked
        dialog = NnInteractiveDialog(nninteractive, self)
        dialog.accepted.connect(lambda: self.controller.choose_prompt_method(method))
        dialog.finished.connect(self.refresh)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _choose(self) -> None:
        items = self.list.selectedItems()
        self.controller.state.prompt = items[0].data(Qt.ItemDataRole.UserRole) if items else ""
