"""What the actions do that are of the window: history, docks, the keyboard's way, dialogs, help."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QToolTip, QWidget

from viewer.data.printable_text import printable
from viewer.ui.actions.command_palette import Entry, Palette
from viewer.ui.widgets.basics import show_dialog
from viewer.ui.window.focus_zones import move_focus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.ui.actions.context import ActionContext
    from viewer.ui.studies.panel import StudiesPanel
    from viewer.ui.window.docks import Docks
    from viewer.ui.window.inspector import Inspector
    from viewer.ui.window.status_bar import StatusBar


class WindowCommands:
    """The verbs. zones: the parts of the window that the keyboard goes through."""

    def __init__(
        self,
        context: ActionContext,
        docks: Docks,
        studies: StudiesPanel,
        inspector: Inspector,
        status: StatusBar,
        zones: Callable[[], Sequence[QWidget]],
    ) -> None:
        self.context, self.session = context, context.session
        self.docks, self.studies, self.inspector = docks, studies, inspector
        self._status, self._zones = status, zones

    # ---- history
    def undo(self) -> None:
        """Take the latest step back; a stroke that is under way is ended first, and is that step."""
        self.context.end_stroke()
        self.session.history.undo()

    def redo(self) -> None:
        """Do again what was undone last; a stroke that is being drawn ends first."""
        self.context.end_stroke()
        self.session.history.redo()

    # ---- parts of the window
    def show_panel(self, place: int) -> None:
        """Bring a panel of the inspector forward, by its place."""
        self.docks.right.show()
        self.inspector.bring(place)

    def focus_filter(self) -> None:
        """Bring the keyboard to the filter of the studies."""
        self.docks.left.show()
        self.studies.focus_filter()

    def next_zone(self, step: int) -> None:
        """Move the keyboard to the next part of the window that is shown."""
        move_focus(self._zones(), step)

    def flip_full_screen(self) -> None:
        """To the whole screen, or back."""
        window = self.context.window()
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)

    # ---- dialogs
    def show_palette(self) -> None:
        """Look for an action by its name."""
        show_dialog(Palette(self.entries(), self.context.window()))

    def show_shortcuts(self) -> None:
        """Show the keys of every action, to be changed."""
        from viewer.ui.actions.shortcut_editor import ShortcutsDialog

        context = self.context
        dialog = ShortcutsDialog(context.actions_, context.preferences, context.apply_preferences, context.window())
        show_dialog(dialog)

    def show_settings(self) -> None:
        """Show the preferences."""
        from viewer.ui.dialogs.settings_dialog import SettingsDialog

        context = self.context
        dialog = SettingsDialog(context.preferences, context.apply_preferences, self.show_shortcuts, context.window())
        show_dialog(dialog)

    def show_messages(self) -> None:
        """Show what was said so far."""
        from viewer.ui.dialogs.errors import MessagesDialog

        show_dialog(MessagesDialog(self._status.messages, self.context.window()))

    def show_about(self) -> None:
        """Show the version, what the program is for, and the libraries with their licences."""
        from viewer.ui.dialogs.about import AboutDialog

        show_dialog(AboutDialog(self.context.window()))

    def show_models(self, name: str = "") -> None:
        """Show the cards of all models, the one by that name first."""
        from viewer.ui.plugins.models_dialog import APPLY, ModelsDialog

        dialog = ModelsDialog(self.session, self.show_folder, name, self.context.window())
        dialog.own_asked.connect(dialog.accept)
        dialog.own_asked.connect(partial(self.context.choose_plugin, APPLY))
        show_dialog(dialog)

    # ---- help
    def show_folder(self, folder: Path) -> None:
        """Show a folder in the system's file manager; it is made where it is not there. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def help_here(self) -> None:
        """Say what the widget under the mouse is for (F1)."""
        window = self.context.window()
        at = window.cursor().pos()
        widget: QWidget | None = window.childAt(window.mapFromGlobal(at))
        while widget is not None:
            text = widget.whatsThis() or widget.toolTip() or widget.accessibleDescription()
            if text:
                QToolTip.showText(at, text, widget)
                return
            widget = widget.parentWidget()
        self.show_shortcuts()

    def entries(self) -> list[Entry]:
        """What the palette finds: actions that can be done now, then the images of the study browser."""
        made = self.context.actions_
        actions = [
            Entry(
                action.text.rstrip("…"),
                "   ".join(filter(None, (action.menu.replace("/", " › "), made.keys(action.id)))),
                action.icon,
                action.run,
            )
            for action in made
            if action.text and action.when()
        ]
        images = [
            Entry(printable(image.name), f"{source.modality} {source.study_description}", "series", load)
            for series in self.session.studies.images.values()
            for image in series
            for source, load in ((image.source.shown, partial(self.session.studies.load, image)),)
        ]
        return actions + images
