"""All keys and mouse gestures in one list; the keys can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.tools.mouse_dispatch import ACTIVE, CHOICES
from viewer.ui.actions.action import ActionList, sequences
from viewer.ui.widgets.basics import button, label, set_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.ui.preferences import Preferences

ID = Qt.ItemDataRole.UserRole
GESTURES = {
    "left": "left drag",
    "middle": "middle drag",
    "right": "right drag",
    "wheel": "wheel",
    "move": "move",
}
TITLES = {
    **{tool.id: tool.title for tool in CHOICES},
    ACTIVE: "The chosen tool",
    "orbit": "Turn the volume",
    "timepoint": "Time point",
}


class ShortcutsDialog(QDialog):
    """A key is changed in the box below the list; one that is taken is refused, with the name of who has it."""

    def __init__(
        self, actions: ActionList, preferences: Preferences, changed: Callable[[], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.actions_ = actions
        self.preferences = preferences
        self._changed = changed
        self.filter = QLineEdit(placeholderText="Filter: window, Ctrl …", clearButtonEnabled=True)
        self.filter.setAccessibleName("Filter keys")
        self.filter.textChanged.connect(self._filter)
        self.list = QTreeWidget()
        self.list.setAccessibleName("Keys and mouse")
        self.list.setHeaderLabels(["What", "Keys or mouse"])
        self.list.setRootIsDecorated(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self.list.currentItemChanged.connect(self._choose)
        self.note = label("", "dim")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        for widget in (self.filter, self.list, self.note):
            layout.addWidget(widget)
        layout.addLayout(self._build_editor())
        self._fill()
        self._choose()
        self.resize(560, 680)

    def _build_editor(self) -> QHBoxLayout:
        self.key = QKeySequenceEdit()
        self.key.setMaximumSequenceLength(1)
        self.key.setAccessibleName("New key")
        self.set = button("Set key", "", self.set_key, "primary")
        self.clear = button("No key", "", lambda: self._store(""))
        self.reset = button("Reset all", "", self.reset_all, "quiet")
        line = QHBoxLayout()
        for widget in (self.key, self.set, self.clear):
            line.addWidget(widget)
        line.addStretch(1)
        line.addWidget(self.reset)
        line.addWidget(button("Close", "", self.reject))
        return line

    def set_key(self) -> None:
        """Give the chosen action the key in the box."""
        key = self.key.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        chosen = self._chosen()
        if not key or not chosen:
            return
        owner = next((a for a in self.actions_ if a.id != chosen and key in self._portable(a.id)), None)
        if owner:
            set_role(self.note, "warning")
            self.note.setText(f"{key} is taken by “{owner.text}”: choose another key, or take it away there first.")
        else:
            self._store(key)

    def reset_all(self) -> None:
        """Back to the keys of the profile."""
        self.preferences.own_keys = {}
        self._renew()

    def _store(self, key: str) -> None:
        self.preferences.own_keys = {**self.preferences.own_keys, self._chosen(): key}
        self._renew()

    def _renew(self) -> None:
        self._changed()
        for item in self._items():
            if name := item.data(0, ID):
                item.setText(1, self.actions_.keys(name))
        self._choose()

    def _fill(self) -> None:
        groups: dict[str, list[QTreeWidgetItem]] = {}
        for action in self.actions_:
            if action.text:
                item = QTreeWidgetItem([action.text, self.actions_.keys(action.id)])
                item.setData(0, ID, action.id)
                groups.setdefault(action.menu.split("/")[0], []).append(item)
        habits = self.preferences.habits
        groups["Mouse in slices"] = [QTreeWidgetItem(list(row)) for row in gestures(habits.slices)]
        groups["Mouse in 3-D"] = [QTreeWidgetItem(list(row)) for row in gestures(habits.volume)]
        for title, items in groups.items():
            group = QTreeWidgetItem([title])
            font = group.font(0)
            font.setBold(True)
            group.setFont(0, font)
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            group.addChildren(items)
            self.list.addTopLevelItem(group)
        self.list.expandAll()

    def _items(self) -> list[QTreeWidgetItem]:
        return [item for group in self._groups() for item in _children(group)]

    def _groups(self) -> list[QTreeWidgetItem]:
        groups = (self.list.topLevelItem(n) for n in range(self.list.topLevelItemCount()))
        return [group for group in groups if group]

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for item in self._items():
            whole = f"{item.text(0)} {item.text(1)}".casefold()
            item.setHidden(not all(word in whole for word in words))
        for group in self._groups():
            group.setHidden(all(item.isHidden() for item in _children(group)))

    def _choose(self, *_: object) -> None:
        chosen = self._chosen()
        for widget in (self.key, self.set, self.clear):
            widget.setEnabled(bool(chosen))
        self.key.clear()
        set_role(self.note, "dim")
        action = self.actions_.actions.get(chosen)
        self.note.setText(f"New key for “{action.text}”:" if action else "Choose an action to change its key.")

    def _chosen(self) -> str:
        item = self.list.currentItem()
        return (item.data(0, ID) or "") if item else ""

    def _portable(self, name: str) -> list[str]:
        portable = QKeySequence.SequenceFormat.PortableText
        kept = self.preferences.keys.get(name, self.actions_.actions[name].key)
        return [sequence.toString(portable) for sequence in sequences(kept)]


def _children(group: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    return [item for n in range(group.childCount()) if (item := group.child(n))]


def gestures(table: dict[str, str]) -> list[tuple[str, str]]:
    """A mouse table in words: what, and by which gesture. Double click is the same everywhere."""
    rows = []
    for gesture, tool in table.items():
        *modifiers, what = gesture.split("+")
        rows.append((TITLES[tool], " + ".join([*(name.capitalize() for name in modifiers), GESTURES[what]])))
    return [*rows, ("One view and back", "double click")]
