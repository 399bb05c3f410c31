"""What a user has chosen, kept in one file of the configuration folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from viewer.scene.findings.finding_list import READING_ORDERS, ReadingOrder
from viewer.settings import config_folder
from viewer.tools.mouse_profiles import Profile, profiles
from viewer.ui.widgets.theme import THEMES, Theme

log = logging.getLogger(__name__)

RECENT = 9
SCALES = (1.0, 1.25, 1.5, 1.75, 2.0)
UNDO_MEMORY = (512, 1024, 2048, 4096, 8192)  # MB


class Preferences:
    """Every value is checked when it is read: a damaged file costs the choice, never the start."""

    def __init__(self, path: Path | None = None) -> None:
        self._file = QSettings(str(path or config_folder() / "window.ini"), QSettings.Format.IniFormat)

    # ---- look
    @property
    def theme(self) -> Theme:
        """The colours of the window; dark unless another is stored."""
        stored = self._get("theme", "dark")
        return next((name for name in THEMES if name == stored), "dark")

    @theme.setter
    def theme(self, name: Theme) -> None:
        self._set("theme", name)

    @property
    def scale(self) -> float:
        """Of the text, one of SCALES."""
        stored = self._get("scale", 1.0)
        return stored if stored in SCALES else 1.0

    @scale.setter
    def scale(self, scale: float) -> None:
        self._set("scale", scale)

    @property
    def geometry(self) -> tuple[QByteArray, QByteArray]:
        """The window's place, and the places of its docks and tool bars, as Qt writes them."""
        found = [self._file.value(name) for name in ("geometry", "docks")]
        place, docks = (value if isinstance(value, QByteArray) else QByteArray() for value in found)
        return place, docks

    @geometry.setter
    def geometry(self, both: tuple[QByteArray, QByteArray]) -> None:
        for name, value in zip(("geometry", "docks"), both, strict=True):
            self._file.setValue(name, value)

    @property
    def view(self) -> dict[str, Any]:
        """What of the ViewState lasts: layout and switches by name."""
        stored = self._get("view", {})
        return stored if isinstance(stored, dict) else {}

    @view.setter
    def view(self, fields: dict[str, Any]) -> None:
        self._set("view", fields)

    # ---- habits
    @property
    def profile(self) -> str:
        """The name of the mouse's habits; "default" where the stored one is not there."""
        stored = self._get("profile", "default")
        return stored if stored in profiles() else "default"

    @profile.setter
    def profile(self, name: str) -> None:
        self._set("profile", name)

    @property
    def habits(self) -> Profile:
        """Which tool each button of the mouse is."""
        return profiles()[self.profile]

    @property
    def own_keys(self) -> dict[str, str]:
        """Action id -> key sequences, where the user changed them."""
        stored = self._get("keys", {})
        return {str(k): str(v) for k, v in stored.items()} if isinstance(stored, dict) else {}

    @own_keys.setter
    def own_keys(self, keys: dict[str, str]) -> None:
        self._set("keys", keys)

    @property
    def keys(self) -> dict[str, str]:
        """The profile's keys, then the user's."""
        return {**self.habits.keys, **self.own_keys}

    @property
    def reading(self) -> ReadingOrder:
        """Whether findings are seen at once, or after the reader's own look."""
        stored = self._get("reading", READING_ORDERS[0])
        return next((order for order in READING_ORDERS if order == stored), READING_ORDERS[0])

    @reading.setter
    def reading(self, order: ReadingOrder) -> None:
        self._set("reading", order)

    # ---- memory
    @property
    def undo_memory(self) -> int:
        """Megabytes that undo may keep, one of UNDO_MEMORY."""
        stored = self._get("undo_memory", 2048)
        return stored if stored in UNDO_MEMORY else 2048

    @undo_memory.setter
    def undo_memory(self, megabytes: int) -> None:
        self._set("undo_memory", megabytes)

    @property
    def recent(self) -> list[str]:
        """Paths opened lately, the latest first."""
        stored = self._get("recent", [])
        return [str(path) for path in stored][:RECENT] if isinstance(stored, list) else []

    def remember(self, path: str) -> None:
        """Put a path first in the list of recent ones."""
        full = str(Path(path).absolute())
        self._set("recent", [full, *(known for known in self.recent if known != full)][:RECENT])

    def save(self) -> None:
        """Write the file now."""
        self._file.sync()

    def _get(self, name: str, default: Any) -> Any:
        stored = self._file.value(name)
        if stored is None:
            return default
        try:
            return json.loads(str(stored))
        except ValueError:
            log.warning("setting %s is damaged: the default is used", name)
            return default

    def _set(self, name: str, value: Any) -> None:
        self._file.setValue(name, json.dumps(value))
