"""The settings dialog. Every choice takes effect at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QPushButton, QVBoxLayout, QWidget

from viewer.settings import plugin_folder
from viewer.tools.mouse_profiles import profiles
from viewer.ui.preferences import SCALES, UNDO_MEMORY, Preferences
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
THEME_TITLES: dict[theme.Theme, str] = {"dark": "Dark", "light": "Light, for daylight"}


class SettingsDialog(QDialog):
    """changed: called after every choice. edit_keys: opens the key map."""

    def __init__(
        self, preferences: Preferences, changed: Callable[[], None], edit_keys: Callable[[], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self._changed = changed
        self._preferences = preferences
        self.theme = self._choice("Theme", "theme", THEME_TITLES)
        self.scale = self._choice("Text size", "scale", {scale: f"{scale * 100:.0f} %" for scale in SCALES})
        habits = {name: profile.title for name, profile in profiles().items()}
        self.profile = self._choice("Keys and mouse as in", "profile", habits)
        memory = {size: text_format.size(size << 20) for size in UNDO_MEMORY}
        self.memory = self._choice("Memory for undo", "undo_memory", memory)
        keys = QPushButton("Show and change keys…")
        keys.clicked.connect(lambda: edit_keys())
        folder = QPushButton("Open plugin folder")
        folder.clicked.connect(_open_plugin_folder)

        form = QFormLayout(horizontalSpacing=24, verticalSpacing=8)
        for box in (self.theme, self.scale, self.profile):
            form.addRow(box.accessibleName(), box)
        form.addRow("", keys)
        form.addRow(self.memory.accessibleName(), self.memory)
        form.addRow("Your own plugins", folder)
        form.addRow("", label("They are found at the next start.", "dim"))
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(form)
        layout.addStretch(1)
        layout.addWidget(close)
        self.setMinimumWidth(480)

    def _choice(self, name: str, preference: str, titles: Mapping[T, str]) -> QComboBox:
        """A box for one of the preferences: value -> what it is called."""
        box = QComboBox()
        box.setAccessibleName(name)
        box.addItems(list(titles.values()))
        values = list(titles)
        box.setCurrentIndex(values.index(getattr(self._preferences, preference)))

        def chosen(place: int) -> None:
            setattr(self._preferences, preference, values[place])
            self._changed()

        box.activated.connect(chosen)
        return box


def _open_plugin_folder() -> None:
    plugin_folder().mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(plugin_folder())))
