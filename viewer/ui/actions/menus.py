"""Menus and tool bar, made from the list of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QMenuBar, QPushButton, QSizePolicy, QToolBar, QWidget

from viewer.ui.widgets import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction

    from viewer.ui.actions.action import ActionList

MENUS = {
    "File": "&File",
    "Edit": "&Edit",
    "View": "&View",
    "Image": "&Image",
    "3-D": "3-&D",
    "Layer": "&Layer",
    "Segments": "&Segments",
    "Review": "&Review",
    "Tools": "&Tools",
    "Plugins": "&Plugins",
    "Help": "&Help",
}
BAR = ("File", "View", "Tools", "Segments/Tools", "Edit", "Layer")  # the groups of the tool bar, by menu


def build_menus(bar: QMenuBar, actions: ActionList) -> None:
    """Every action in its menu; submenus and lines where the list says so."""
    menus: dict[str, QMenu] = {name: bar.addMenu(title) for name, title in MENUS.items()}
    for action in actions:
        if action.menu not in menus:
            parent, _, name = action.menu.rpartition("/")
            menus[action.menu] = menus[parent].addMenu(name)
        if action.new_group:
            menus[action.menu].addSeparator()
        menus[action.menu].addAction(actions[action.id])


class ToolBar(QToolBar):
    """The actions that ask for a place here, and at the right the way to all others."""

    def __init__(self, actions: ActionList) -> None:
        super().__init__("Tool bar")
        self.setObjectName("tools")
        self.setAccessibleName("Tool bar")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        for name in BAR:
            if self.actions():
                self.addSeparator()
            self.addActions(_of(actions, name))
        for made in self.actions():
            button = self.widgetForAction(made)
            if button is not None:
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                button.setAccessibleName(made.text())
        gap = QWidget()
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(gap)
        self.search = QPushButton(theme.icon("search", theme.DIM), "")
        self.search.setObjectName("search")
        self.search.setAccessibleName("Search everything")
        self.search.setMinimumWidth(240)
        self.search.clicked.connect(actions["palette"].trigger)
        self.addWidget(self.search)

    def show_key(self, keys: str) -> None:
        """Write the key of the search into it."""
        self.search.setText(f"Search everything  {keys}".rstrip())


def _of(actions: ActionList, menu: str) -> Sequence[QAction]:
    return [actions[action.id] for action in actions if action.bar and action.menu == menu]
