"""The model of a plugin in a line: its name, how it did in its first test, whether it can be trusted, and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.ui.plugins.model_card_page import STATES, key_figure
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Elided, button, label, set_role
from viewer.ui.widgets.table import StateCell, state_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.session.runs.installed_models import Models

CHECKING = StateCell("time", "being checked", "dim")
ABSENT = StateCell("warning", "not installed", "warning")


class ModelLine(QWidget):
    """name: the model's. show_card: brings the card of a model forward."""

    def __init__(self, models: Models, name: str, show_card: Callable[[str], object]) -> None:
        super().__init__()
        self._models, self._name = models, name
        self.title, self.figure = Elided(), label(role="dim")
        self.title.say(name)
        set_role(self.title, "ai")
        self.card = button("Model card", "", lambda: show_card(name), "quiet")
        robot = label(wrap=False)
        robot.setPixmap(theme.icon("ai", theme.AI).pixmap(16, 16))
        self._state = state_cell(CHECKING)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(robot, 0, 0)
        self._grid.addWidget(self.title, 0, 1, 1, 2)
        self._grid.addWidget(self._state, 1, 1)
        self._grid.addWidget(self.card, 1, 2)
        self._grid.addWidget(self.figure, 2, 1, 1, 2)
        self.show_model()

    def show_model(self) -> None:
        """What is known of the model now."""
        model = self._models.find(self._name)
        if model is not None:
            self.title.say(f"{model.card.title} {model.card.version}")
            self.figure.setText(key_figure(model.card))
        self.figure.setVisible(bool(self.figure.text()))
        self.card.setVisible(model is not None)
        made = state_cell(STATES[model.state] if model else ABSENT if self._models.known else CHECKING)
        self._grid.replaceWidget(self._state, made)
        self._state.setParent(None)
        self._state = made
