"""The models: what each is for, how it did in its tests, and whether its file can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.settings import models_folder
from viewer.ui.plugins.model_card_page import STATES, ModelCardPage
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.session.runs.installed_models import Model
    from viewer.session.session import Session

APPLY = "apply_model"  # the plugin that runs model files without a card
NAME = Qt.ItemDataRole.UserRole


class ModelsDialog(QDialog):
    """Every model in a list, the chosen one's card beside it. name: the one to show first, else the first.

    own_asked: the user wants to run a model file of his own.
    """

    own_asked = Signal()

    def __init__(
        self, session: Session, show_folder: Callable[[Path], object], name: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self._name = name
        self.setWindowTitle("Models")
        self.tree = _tree()
        self.area = QScrollArea(widgetResizable=True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setAccessibleName("Model card")
        self.again = button("Check again", "reopen", session.models.look, "quiet", theme.ACCENT)
        self._build(show_folder)
        self.tree.currentItemChanged.connect(self._picked)
        session.models.changed.connect(self._fill)
        self.finished.connect(lambda: session.models.changed.disconnect(self._fill, missing_ok=True))
        self._fill()
        session.models.look()

    def _build(self, show_folder: Callable[[Path], object]) -> None:
        halves = QSplitter()
        halves.addWidget(self.tree)
        halves.addWidget(self.area)
        halves.setSizes([340, 700])
        halves.setStretchFactor(1, 1)
        halves.setChildrenCollapsible(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.again)
        folder = button("Open model folder", "open", lambda: show_folder(models_folder()), "quiet", theme.ACCENT)
        folder.setToolTip("Put the folders of your own models here, then check again")
        buttons.addWidget(folder)
        if APPLY in self.session.plugins:
            buttons.addWidget(button("Use a model file…", "plugin", self.own_asked.emit, "quiet", theme.ACCENT))
        buttons.addStretch()
        buttons.addWidget(button("Close", "", self.reject))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.addWidget(halves, 1)
        column.addLayout(buttons)
        self.resize(1080, 760)

    def _fill(self) -> None:
        """The built-in ones, then the user's; the choice stays."""
        self.tree.blockSignals(True)
        self.tree.clear()
        chosen: QTreeWidgetItem | None = None
        for title, models in groups(self.session.models.installed):
            heading = QTreeWidgetItem([title])
            heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
            heading.setForeground(0, theme.DIM)
            self.tree.addTopLevelItem(heading)
            heading.setFirstColumnSpanned(True)
            for model in models:
                item = _item(model)
                heading.addChild(item)
                chosen = item if chosen is None or model.card.name == self._name else chosen
        self.tree.expandAll()
        self.tree.blockSignals(False)
        if chosen is not None:
            self.tree.setCurrentItem(chosen)
        elif self.session.models.known:
            self._show(label("No model is installed: put the folder of one into the model folder, then check again."))
        else:
            self._show(label("The models are being checked.", "dim"))

    def _picked(self, item: QTreeWidgetItem | None) -> None:
        model = self.session.models.find(item.data(0, NAME)) if item is not None else None
        if model is not None:
            self._name = model.card.name
            self._show(ModelCardPage(model))

    def _show(self, page: QWidget) -> None:
        self.area.setWidget(page)


def groups(models: tuple[Model, ...]) -> list[tuple[str, list[Model]]]:
    """Built-in and own models under their headings; no heading without a model."""
    own = [model for model in models if model.card.folder.is_relative_to(models_folder())]
    built_in = [model for model in models if model not in own]
    return [(title, found) for title, found in (("Built in", built_in), ("Your own", own)) if found]


def _tree() -> QTreeWidget:
    tree = QTreeWidget()
    tree.setColumnCount(2)
    tree.setHeaderHidden(True)
    tree.setRootIsDecorated(False)
    tree.setIndentation(8)
    tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
    tree.setAccessibleName("Models")
    tree.header().setStretchLastSection(False)
    tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    return tree


def _item(model: Model) -> QTreeWidgetItem:
    state = STATES[model.state]
    item = QTreeWidgetItem([model.card.title, state.word])
    item.setIcon(1, QIcon(theme.icon(state.icon, theme.NAMES[state.role]).pixmap(16, 16)))  # in its colour, open or not
    item.setToolTip(0, f"{model.card.title}\n{model.card.summary}")
    item.setToolTip(1, model.problem)
    item.setData(0, NAME, model.card.name)
    return item
