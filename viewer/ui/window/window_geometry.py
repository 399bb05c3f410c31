"""The shape of the window from one start to the next: where it stands, its panels, and how images are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from viewer.scene.view_state import LAYOUTS, ViewState

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMainWindow

    from viewer.ui.preferences import Preferences

LASTING = ("show_crosshair", "show_overlays", "show_text")  # of the ViewState, besides the layout


def restore_view(state: ViewState, preferences: Preferences) -> None:
    """Take over how things were looked at; before the views are made, for they would flash."""
    stored = preferences.view
    layouts = [name for name in LAYOUTS if name == stored.get("layout") and name != "compare"]
    state.layout = layouts[0] if layouts else state.layout
    state.tool = preferences.habits.tool
    for name in LASTING:
        setattr(state, name, bool(stored.get(name, True)))


def restore_shape(window: QMainWindow, preferences: Preferences) -> None:
    """Put the window and its panels where they were; on the first screen where the old one is gone."""
    place, docks = preferences.geometry
    window.restoreGeometry(place)
    window.restoreState(docks)
    screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
    if not any(screen.intersects(window.frameGeometry()) for screen in screens):
        window.move(screens[0].topLeft())


def keep_shape(window: QMainWindow, state: ViewState, preferences: Preferences) -> None:
    """Store the window's shape and how things are looked at, for the next start."""
    preferences.geometry = window.saveGeometry(), window.saveState()
    preferences.view = {"layout": state.layout, **{name: getattr(state, name) for name in LASTING}}
    preferences.save()
