"""What an action may ask of the window that it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from viewer.scene.task import Severity, Task
    from viewer.session.session import Session
    from viewer.ui.actions.action import ActionList
    from viewer.ui.preferences import Preferences


class ActionContext(Protocol):
    """actions_: all that can be done. `window` is the parent of dialogs."""

    @property
    def session(self) -> Session:
        """What the window shows."""

    @property
    def preferences(self) -> Preferences:
        """The user's settings."""

    @property
    def actions_(self) -> ActionList:
        """Every action of the window, with its keys."""

    def window(self) -> QWidget:
        """The parent of dialogs."""

    def has_images(self) -> bool:
        """Whether any image is open."""

    def has_layers(self) -> bool:
        """Whether any layer is open."""

    def open(self, paths: Sequence[str | Path]) -> Task:
        """Index paths, and show the image where there is no choice to make; open a project as it was."""
        ...

    def end_stroke(self) -> None:
        """End a stroke that is under way: it is a step of the history then, and stays in what was painted."""
        ...

    def bring_forward(self, panel: QWidget) -> None:
        """Show a panel of the inspector before the others."""
        ...

    def choose_plugin(self, name: str, inputs: Mapping[str, str] | None = None) -> None:
        """Bring a plugin's form forward, with layers (by their ids) chosen for its inputs."""
        ...

    def apply_preferences(self) -> None:
        """Take over everything the settings say."""
        ...

    def show_message(self, text: str, severity: Severity = "info") -> None:
        """Say it in the status bar; it stays in the list of messages."""
        ...
