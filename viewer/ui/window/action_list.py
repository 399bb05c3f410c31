"""Everything a user can do, in the order of the menus: the families' lists, and what is of the window itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from viewer.settings import log_folder, plugin_folder
from viewer.ui.actions.action import Action
from viewer.ui.findings.actions import finding_actions
from viewer.ui.inspect.actions import inspection_actions
from viewer.ui.layers.actions import layer_actions, window_actions
from viewer.ui.register.actions import comparison_actions
from viewer.ui.review.actions import review_actions, structure_actions
from viewer.ui.segments.actions import segment_actions
from viewer.ui.views.actions import layout_actions, slice_actions, tool_actions, view_actions, volume_actions

if TYPE_CHECKING:
    from viewer.ui.actions.context import ActionContext
    from viewer.ui.findings.panel import FindingsPanel
    from viewer.ui.inspect.controller import InspectionController
    from viewer.ui.layers.controller import LayersController
    from viewer.ui.register.comparison_controller import ComparisonController
    from viewer.ui.review.panel import ReviewPanel
    from viewer.ui.review.worklist_panel import WorklistPanel
    from viewer.ui.segments.controller import SegmentsController
    from viewer.ui.segments.panel import SegmentsPanel
    from viewer.ui.views.controller import ViewsController
    from viewer.ui.window.commands import WindowCommands
    from viewer.ui.window.file_commands import FileCommands

RECENT = 9


@dataclass(frozen=True)
class Controllers:
    """Whose verbs the actions call; a panel where a verb asks something first."""

    files: FileCommands
    window: WindowCommands
    views: ViewsController
    layers: LayersController
    inspection: InspectionController
    comparison: ComparisonController
    segments: SegmentsPanel
    review: ReviewPanel
    worklist: WorklistPanel
    findings: FindingsPanel


def all_actions(of: Controllers, context: ActionContext) -> list[Action]:
    """Every action of the program, in the order of the menus."""
    return [
        *_file(of.files, of.segments.controller, context),
        *_edit(of.window),
        *layout_actions(of.views),
        *view_actions(of.views, context),
        *_panels(of.window, context),
        *window_actions(of.layers, context),
        *slice_actions(of.views, context),
        *layer_actions(of.layers, context),
        *inspection_actions(of.inspection, context),
        *comparison_actions(of.comparison),
        *segment_actions(of.segments, context),
        *review_actions(of.review, of.worklist, context),
        *structure_actions(of.review, of.segments, context),
        *finding_actions(of.findings, of.segments, context),
        *volume_actions(of.views, context),
        *tool_actions(context),
        *_plugins(of.window, context),
        *_help(of.window),
    ]


def _file(files: FileCommands, segments: SegmentsController, context: ActionContext) -> list[Action]:
    recent = [
        Action(
            f"recent_{n + 1}",
            partial(files.recent_title, n),
            lambda n=n: context.open([files.recent(n)]),  # type: ignore[misc]
            "File/Open recent",
            "recent",
            when=partial(files.has_recent, n),
            optional=True,
        )
        for n in range(RECENT)
    ]
    shown = context.has_images
    return [
        Action("open_files", "Open files…", files.open_files, "File", "file", "Ctrl+O"),
        Action("open_folder", "Open folder…", files.open_folder, "File", "open", "Ctrl+Shift+O", bar=True),
        Action("open_segmentation", "Open segmentation…", files.open_segmentation, "File", "file"),
        Action("open_project", "Open project…", files.open_project, "File", "file"),
        *recent,
        Action("open_sample", "Open sample", context.session.studies.open_sample, "File", "sample"),
        Action(
            "save", "Save active image…", files.save_image, "File", "save", "Ctrl+S", when=shown, new_group=True,
            bar=True, tip="DICOM, NIfTI or NRRD; read back and compared before it counts as saved",
        ),
        Action(
            "save_segmentation", "Save segmentation…", files.save_segmentation, "File", "save", "Ctrl+Shift+S",
            when=lambda: segments.layer is not None,
            tip="Read back and compared, voxel by voxel, before it counts as saved",
        ),
        Action(
            "save_project", "Save project", files.save_project, "File", "save", "Ctrl+Alt+W", when=context.has_layers,
            tip="Everything that is open and how it is looked at; images stay in their files",
        ),
        Action("save_project_as", "Save project as…", files.save_project_as, "File", "save", when=context.has_layers),
        Action(
            "save_project_whole", "Save project with its images…", partial(files.save_project_as, True), "File",
            "save", when=context.has_layers, tip="To pass it on: it needs no other file",
        ),
        Action(
            "save_picture", "Save picture of the views…", files.save_picture, "File", "capture", "Ctrl+P",
            when=shown, bar=True,
        ),
        Action("copy_picture", "Copy picture", files.copy_picture, "File", "copy", "Ctrl+Shift+C", when=shown),
        Action("quit", "Quit", context.window().close, "File", "logout-box-r", "Ctrl+Q", new_group=True),
    ]  # fmt: skip


def _edit(commands: WindowCommands) -> list[Action]:
    history = commands.session.history
    return [
        Action(
            "undo", lambda: f"Undo {history.undo_labels[0]}" if history.undo_labels else "Undo", commands.undo,
            "Edit", "undo", "Ctrl+Z", when=lambda: bool(history.undo_labels), bar=True,
        ),
        Action(
            "redo", lambda: f"Redo {history.redo_labels[0]}" if history.redo_labels else "Redo", commands.redo,
            "Edit", "redo", "Ctrl+Shift+Z, Ctrl+Y", when=lambda: bool(history.redo_labels), bar=True,
        ),
        Action("palette", "Search everything…", commands.show_palette, "Edit", "search", "Ctrl+K", new_group=True),
        Action("find_study", "Filter studies", commands.focus_filter, "Edit", "search", "Ctrl+F"),
        Action("settings", "Settings…", commands.show_settings, "Edit", "settings", "Ctrl+,", new_group=True),
    ]  # fmt: skip


def _panels(commands: WindowCommands, context: ActionContext) -> list[Action]:
    return [
        Action(
            "left_panel", "Studies panel", partial(commands.docks.flip, "left"), "View", "layout-left-2", "F9",
            checked=lambda: commands.docks.is_shown("left"), new_group=True,
        ),
        Action(
            "right_panel", "Inspector panel", partial(commands.docks.flip, "right"), "View", "layout-right-2", "F10",
            checked=lambda: commands.docks.is_shown("right"),
        ),
        Action(
            "jobs_panel", "Jobs panel", partial(commands.docks.flip, "bottom"), "View", "layout-bottom-2", "Ctrl+J",
            checked=lambda: commands.docks.is_shown("bottom"),
        ),
        *(
            Action(
                f"panel_{title.lower()}", title, partial(commands.show_panel, n), "View/Inspector",
                key=f"Ctrl+Alt+{n + 1}",
            )
            for n, title in enumerate(commands.inspector.titles)
        ),
        Action(
            "full_screen", "Full screen", commands.flip_full_screen, "View", "fullscreen", "F11",
            checked=context.window().isFullScreen,
        ),
        Action(
            "next_zone", "Next part of the window", partial(commands.next_zone, 1), "View", key="F6", new_group=True,
        ),
        Action("previous_zone", "Previous part of the window", partial(commands.next_zone, -1), "View", key="Shift+F6"),
    ]  # fmt: skip


def _plugins(commands: WindowCommands, context: ActionContext) -> list[Action]:
    return [
        *(
            Action(
                f"plugin_{name}", f"{one.title}…", partial(context.choose_plugin, name), f"Plugins/{one.group}",
                "plugin",
            )
            for name, one in context.session.plugins.items()
            if one.has_form
        ),
        Action(
            "models", "Models…", commands.show_models, "Plugins", "ai", new_group=True,
            tip="What each model is for, how it was tested, and whether its file can be trusted",
        ),
        Action(
            "plugin_folder", "Open plugin folder", lambda: commands.show_folder(plugin_folder()), "Plugins", "open",
            new_group=True, tip="Put your own plugins here, then start Tomolens again",
        ),
    ]  # fmt: skip


def _help(commands: WindowCommands) -> list[Action]:
    return [
        Action("shortcuts", "Keys and mouse…", commands.show_shortcuts, "Help", "keys", "?"),
        Action("help_here", "Help for what is under the mouse", commands.help_here, "Help", "help", "F1"),
        Action("messages", "Messages…", commands.show_messages, "Help", "message", "Ctrl+M", new_group=True),
        Action("log", "Open log folder", lambda: commands.show_folder(log_folder()), "Help", "file"),
        Action("about", "About Tomolens", commands.show_about, "Help", "about", new_group=True),
    ]
