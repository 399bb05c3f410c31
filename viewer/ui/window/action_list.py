"""Everything a user can do, in the order of the menus."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, get_args

from viewer.render.volumes.volume_presets import presets
from viewer.render.volumes.volume_view import SIDES
from viewer.scene.view_state import LAYOUTS, Layout
from viewer.settings import log_folder, plugin_folder
from viewer.tools.mouse_dispatch import CHOICES
from viewer.ui.actions.action import Action, always
from viewer.ui.inspect.actions import inspect_actions
from viewer.ui.layers.image_actions import image_actions
from viewer.ui.register.actions import compare_actions
from viewer.ui.review.actions import review_actions
from viewer.ui.segments.actions import segment_actions
from viewer.ui.widgets import text_format

if TYPE_CHECKING:
    from viewer.ui.window.main_window import MainWindow

RECENT = 9
LAYOUT_TITLES: dict[Layout, str] = {
    "2x2": "Four views",
    "1-up": "One view",
    "1+3": "One and three views",
    "compare": "Side by side",
}
assert set(LAYOUT_TITLES) == set(get_args(Layout))


def all_actions(window: MainWindow) -> list[Action]:
    """The one list."""
    first, then = (_file, _edit, _layouts, _view, image_actions, _layer), (_volume, _tools, _plugins, _help)
    parts = (*first, inspect_actions, compare_actions, segment_actions, review_actions, *then)
    return [action for part in parts for action in part(window)]


def _file(w: MainWindow) -> list[Action]:
    controller = w.commands
    recent = [
        Action(
            f"recent_{n + 1}",
            partial(controller.recent_title, n),
            lambda n=n: w.open([controller.recent(n)]),  # type: ignore[misc]
            "File/Open recent",
            "recent",
            when=partial(controller.has_recent, n),
            optional=True,
        )
        for n in range(RECENT)
    ]
    shown = w.has_images
    return [
        Action("open_files", "Open files…", controller.open_files, "File", "file", "Ctrl+O"),
        Action("open_folder", "Open folder…", controller.open_folder, "File", "open", "Ctrl+Shift+O", bar=True),
        Action("open_segmentation", "Open segmentation…", controller.open_segmentation, "File", "file"),
        Action("open_project", "Open project…", controller.open_project, "File", "file"),
        *recent,
        Action("open_sample", "Open sample", w.session.open_sample, "File", "sample"),
        Action(
            "save", "Save active image…", controller.save, "File", "save", "Ctrl+S", when=shown, new_group=True,
            bar=True, tip="DICOM, NIfTI or NRRD; read back and compared before it counts as saved",
        ),
        Action(
            "save_segmentation", "Save segmentation…", controller.save_segmentation, "File", "save", "Ctrl+Shift+S",
            when=lambda: w.segments.controller.layer is not None,
            tip="Read back and compared, voxel by voxel, before it counts as saved",
        ),
        Action(
            "save_project", "Save project", controller.save_project, "File", "save", "Ctrl+Alt+W", when=w.has_layers,
            tip="Everything that is open and how it is looked at; images stay in their files",
        ),
        Action("save_project_as", "Save project as…", controller.save_project_as, "File", "save", when=w.has_layers),
        Action(
            "save_project_whole", "Save project with its images…", partial(controller.save_project_as, True), "File",
            "save", when=w.has_layers, tip="To pass it on: it needs no other file",
        ),
        Action(
            "save_picture", "Save picture of the views…", controller.save_picture, "File", "capture", "Ctrl+P",
            when=shown, bar=True,
        ),
        Action("copy_picture", "Copy picture", controller.copy_picture, "File", "copy", "Ctrl+Shift+C", when=shown),
        Action("quit", "Quit", w.close, "File", "logout-box-r", "Ctrl+Q", new_group=True),
    ]  # fmt: skip


def _edit(w: MainWindow) -> list[Action]:
    history = w.session.history
    return [
        Action(
            "undo", lambda: f"Undo {history.undo_labels[0]}" if history.undo_labels else "Undo", w.commands.undo,
            "Edit", "undo", "Ctrl+Z", when=lambda: bool(history.undo_labels), bar=True,
        ),
        Action(
            "redo", lambda: f"Redo {history.redo_labels[0]}" if history.redo_labels else "Redo", w.commands.redo,
            "Edit", "redo", "Ctrl+Shift+Z, Ctrl+Y", when=lambda: bool(history.redo_labels), bar=True,
        ),
        Action("palette", "Search everything…", w.show_palette, "Edit", "search", "Ctrl+K", new_group=True),
        Action("find_study", "Filter studies", w.focus_filter, "Edit", "search", "Ctrl+F"),
        Action("settings", "Settings…", w.show_settings, "Edit", "settings", "Ctrl+,", new_group=True),
    ]  # fmt: skip


def _layouts(w: MainWindow) -> list[Action]:
    controller, state = w.commands, w.session.state
    several = lambda: len(w.session.document.volume_layers) > 1  # noqa: E731
    layouts = [
        Action(
            f"layout_{name}", LAYOUT_TITLES[name], partial(setattr, state, "layout", name), "View", name,
            f"Ctrl+{n}", checked=lambda name=name: state.layout == name, bar=True,  # type: ignore[misc]
            when=several if name == "compare" else always,
        )
        for n, name in enumerate(LAYOUTS, 1)
    ]  # fmt: skip
    return [
        *layouts,
        Action("turn_layout", "Next layout", controller.turn_layout, "View", "2x2", "Shift+L"),
        Action("next_view", "Next view", partial(controller.next_view, 1), "View", key="Ctrl+Tab"),
        Action("previous_view", "Previous view", partial(controller.next_view, -1), "View", key="Ctrl+Shift+Tab"),
    ]  # fmt: skip


def _view(w: MainWindow) -> list[Action]:
    state, shown = w.session.state, w.has_images
    return [
        Action("fit", "Fit to view", w.fit, "View", "fullscreen", "F", when=shown, new_group=True),
        Action("larger", "Larger", partial(w.zoom, 1.25), "View", "zoom-in", "+, =", when=shown),
        Action("smaller", "Smaller", partial(w.zoom, 0.8), "View", "zoom-out", "-", when=shown),
        Action(
            "toggle_overlays", "Overlays", partial(_flip, state, "show_overlays"), "View", "layers", "Space",
            checked=lambda: state.show_overlays, where="views", new_group=True,
            tip="Show or hide the images above the lowest one",
        ),
        Action(
            "toggle_crosshair", "Cross-hair lines", partial(_flip, state, "show_crosshair"), "View", "focus-3", "X",
            checked=lambda: state.show_crosshair,
        ),
        Action(
            "toggle_text", "Corner texts", partial(_flip, state, "show_text"), "View", "t-box", "T",
            checked=lambda: state.show_text,
        ),
        Action(
            "left_panel", "Studies panel", partial(w.flip_dock, "left"), "View", "layout-left-2", "F9",
            checked=lambda: not w.left.isHidden(), new_group=True,
        ),
        Action(
            "right_panel", "Inspector panel", partial(w.flip_dock, "right"), "View", "layout-right-2", "F10",
            checked=lambda: not w.right.isHidden(),
        ),
        Action(
            "jobs_panel", "Jobs panel", partial(w.flip_dock, "bottom"), "View", "layout-bottom-2", "Ctrl+J",
            checked=lambda: not w.bottom.isHidden(),
        ),
        *(
            Action(f"panel_{title.lower()}", title, partial(w.show_panel, n), "View/Inspector", key=f"Ctrl+Alt+{n + 1}")
            for n, title in enumerate(w.inspector.titles)
        ),
        Action(
            "full_screen", "Full screen", w.flip_full_screen, "View", "fullscreen", "F11", checked=w.isFullScreen
        ),
        Action("next_zone", "Next part of the window", partial(w.next_zone, 1), "View", key="F6", new_group=True),
        Action("previous_zone", "Previous part of the window", partial(w.next_zone, -1), "View", key="Shift+F6"),
    ]  # fmt: skip


def _layer(w: MainWindow) -> list[Action]:
    controller, session = w.commands, w.session
    shown = w.has_images
    result = lambda: controller.result  # noqa: E731
    several = lambda: len(session.document) > 1  # noqa: E731
    return [
        Action(
            "next_layer", "Next layer", partial(controller.next_layer, 1), "Layer", key="Tab", when=several,
            where="views",
        ),
        Action(
            "previous_layer", "Previous layer", partial(controller.next_layer, -1), "Layer", key="Shift+Tab",
            when=several, where="views",
        ),
        Action(
            "compare", "Show or hide active layer", controller.compare, "Layer", "blink", "V", when=shown, bar=True,
            tip="Blink between a result and what is under it",
        ),
        Action(
            "raise_layer", "Move layer up", partial(controller.raise_layer, 1), "Layer", "up", "Ctrl+Up", when=several,
        ),
        Action(
            "lower_layer", "Move layer down", partial(controller.raise_layer, -1), "Layer", "down", "Ctrl+Down",
            when=several,
        ),
        Action(
            "accept", "Accept result", partial(controller.review, "accepted"), "Layer", "accepted", "Return",
            when=result, where="views", new_group=True,
        ),
        Action(
            "reject", "Reject result", partial(controller.review, "rejected"), "Layer", "rejected", "Del",
            when=result, where="views",
        ),
        Action(
            "reopen", "Open review again", partial(controller.review, "unreviewed"), "Layer", "reopen",
            when=result,
        ),
        Action(
            "other_placement", lambda: text_format.other_placement(controller.other_placement),
            controller.open_other_placement, "Layer", "file", when=lambda: controller.other_placement is not None,
            optional=True, new_group=True,
            tip="The file says twice where it lies: a layer of its own, beside the one that is shown",
        ),
        Action(
            "remove_layer", "Remove layer", controller.remove_layer, "Layer", "remove", "Ctrl+Del",
            when=shown, new_group=True,
        ),
    ]  # fmt: skip


def _volume(w: MainWindow) -> list[Action]:
    controller, shown = w.commands, w.has_images
    return [
        *(
            Action(
                f"look_{side}", f"From {side}", partial(w.views.look_from, side), "3-D", when=shown,
                key=f"Ctrl+Alt+{side[0].upper()}",
            )
            for side in SIDES
        ),
        *(
            Action(
                f"volume_{name}", look.title, partial(w.views.set_volume_preset, name), "3-D/Look",
                when=partial(controller.offers, look), optional=True,
            )
            for name, look in presets().items()
        ),
    ]  # fmt: skip


def _tools(w: MainWindow) -> list[Action]:
    state = w.session.state
    return [
        Action(
            f"tool_{tool.id}", tool.title, partial(setattr, state, "tool", tool.id), "Tools", tool.icon, tool.key,
            tip=tool.tip, checked=lambda tool=tool: state.tool == tool.id, bar=True,  # type: ignore[misc]
        )
        for tool in CHOICES
    ]  # fmt: skip


def _plugins(w: MainWindow) -> list[Action]:
    return [
        *(
            Action(f"plugin_{name}", f"{one.title}…", partial(w.choose_plugin, name), f"Plugins/{one.group}", "plugin")
            for name, one in w.session.plugins.items()
        ),
        Action(
            "models", "Models…", w.commands.show_models, "Plugins", "ai", new_group=True,
            tip="What each model is for, how it was tested, and whether its file can be trusted",
        ),
        Action(
            "plugin_folder", "Open plugin folder", lambda: w.commands.show_folder(plugin_folder()), "Plugins", "open",
            new_group=True, tip="Put your own plugins here, then start Tomolens again",
        ),
    ]  # fmt: skip


def _help(w: MainWindow) -> list[Action]:
    return [
        Action("shortcuts", "Keys and mouse…", w.show_shortcuts, "Help", "keys", "?"),
        Action("help_here", "Help for what is under the mouse", w.commands.help_here, "Help", "help", "F1"),
        Action("messages", "Messages…", w.show_messages, "Help", "message", "Ctrl+M", new_group=True),
        Action("log", "Open log folder", lambda: w.commands.show_folder(log_folder()), "Help", "file"),
        Action("about", "About Tomolens", w.show_about, "Help", "about", new_group=True),
    ]


def _flip(state: object, name: str) -> None:
    setattr(state, name, not getattr(state, name))
