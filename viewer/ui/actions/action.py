"""One thing the user can do, and the list of all of them: menus, tool bar, key map and palette are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence

from viewer.ui.widgets import theme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from PySide6.QtWidgets import QWidget


def always() -> bool:
    """True: what needs nothing to be there."""
    return True


@dataclass(frozen=True, eq=False)
class Action:
    """menu: its place, as "View" or "View/Layout". key: key sequences, apart by ", ".

    when: whether it can be done now. checked: for a switch, whether it is on. where: keys that lists and buttons need
    themselves (Space, arrows, Enter) work in the views only. optional: left out of menus while it cannot be done.
    new_group: a line stands before it in its menu. bar: it stands in the tool bar.
    """

    id: str
    title: str | Callable[[], str]
    run: Callable[[], object]
    menu: str
    icon: str = ""
    key: str = ""
    tip: str = ""
    when: Callable[[], bool] = always
    checked: Callable[[], bool] | None = None
    where: Literal["window", "views"] = "window"
    optional: bool = False
    new_group: bool = False
    bar: bool = False

    @property
    def text(self) -> str:
        """The title, as it is now where it depends on what is chosen."""
        return self.title if isinstance(self.title, str) else self.title()


class ActionList(QObject):
    """The actions as Qt knows them. `refresh` soon asks each again for its title, whether it can be done, and is on."""

    def __init__(self, actions: Iterable[Action], window: QWidget, views: QWidget) -> None:
        super().__init__(window)
        self.actions = {action.id: action for action in actions}
        self.qactions: dict[str, QAction] = {}
        self._soon = QTimer(self, interval=0, singleShot=True)
        self._soon.timeout.connect(self.refresh_now)
        for action in self.actions.values():
            self.qactions[action.id] = self._make(action)
            (window if action.where == "window" else views).addAction(self.qactions[action.id])
        self.refresh_now()

    def __iter__(self) -> Iterator[Action]:
        return iter(self.actions.values())

    def __getitem__(self, name: str) -> QAction:
        return self.qactions[name]

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Give every action its default key, or the one in `keys` (action id -> sequences; "" for none)."""
        for name, action in self.actions.items():
            self.qactions[name].setShortcuts(sequences(keys.get(name, action.key)))
        self.refresh_now()

    def keys(self, name: str) -> str:
        """The keys of an action as people write them."""
        native = QKeySequence.SequenceFormat.NativeText
        return " or ".join(sequence.toString(native) for sequence in self.qactions[name].shortcuts())

    def refresh(self) -> None:
        """Ask every action again once this turn of the event loop is over."""
        self._soon.start()

    def refresh_now(self) -> None:
        """Show of every action whether it can be done, what it is called, and by which keys."""
        for name, action in self.actions.items():
            made, possible = self.qactions[name], action.when()
            made.setText(action.text.replace("&", "&&"))
            made.setEnabled(possible)
            made.setVisible(possible or not action.optional)
            if action.checked:
                made.setChecked(action.checked())
            keys = self.keys(name)
            made.setToolTip(f"{action.text} ({keys})\n{action.tip}".strip() if keys else action.tip or action.text)

    def _make(self, action: Action) -> QAction:
        made = QAction(action.text, self)
        made.setObjectName(action.id)
        if action.icon:
            made.setIcon(theme.icon(action.icon))
        made.setCheckable(action.checked is not None)
        made.setShortcuts(sequences(action.key))
        made.setMenuRole(QAction.MenuRole.NoRole)
        if action.where == "views":
            made.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made.triggered.connect(lambda: action.run())
        made.triggered.connect(self.refresh)
        return made


def sequences(keys: str) -> list[QKeySequence]:
    """Key sequences out of their portable form: "Ctrl+Y, Ctrl+Shift+Z"."""
    return [QKeySequence(part) for part in keys.split(", ") if part]
