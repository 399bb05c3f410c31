"""What can be done with the images that are shown: window, slices, time points."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.tools.navigate.timepoint import timepoints
from viewer.ui.actions.action import Action

if TYPE_CHECKING:
    from viewer.ui.window.main_window import MainWindow

PRESETS = 9


def image_actions(w: MainWindow) -> list[Action]:
    """In the order of the menu "Image"."""
    return [*_windows(w), *_slices(w)]


def _windows(w: MainWindow) -> list[Action]:
    controller, shown = w.commands, w.has_images
    windows = [
        Action(
            f"preset_{n + 1}",
            lambda n=n: preset.name if (preset := controller.preset(n)) else "",  # type: ignore[misc]
            partial(controller.use_preset, n), "Image/Window", key=str(n + 1),
            when=lambda n=n: controller.preset(n) is not None, optional=True,  # type: ignore[misc]
        )
        for n in range(PRESETS)
    ]  # fmt: skip
    return [
        *windows,
        Action("stored_window", "As in the file", controller.stored_window, "Image/Window", key="0", when=shown),
        Action(
            "less_contrast", "Less contrast", partial(controller.window_width, 1.1), "Image/Window", key="Shift+Right",
            when=shown, where="views", new_group=True,
        ),
        Action(
            "more_contrast", "More contrast", partial(controller.window_width, 1 / 1.1), "Image/Window",
            key="Shift+Left", when=shown, where="views",
        ),
        Action(
            "brighter", "Brighter", partial(controller.window_centre, -0.05), "Image/Window", key="Shift+Up",
            when=shown, where="views",
        ),
        Action(
            "darker", "Darker", partial(controller.window_centre, 0.05), "Image/Window", key="Shift+Down", when=shown,
            where="views",
        ),
    ]  # fmt: skip


def _slices(w: MainWindow) -> list[Action]:
    controller = w.commands
    moving = partial(Action, menu="Image/Slices", where="views", when=w.has_images)
    several = lambda: timepoints(w.session.document) > 1  # noqa: E731
    return [
        moving("next_slice", "Next slice", partial(w.views.read_on, 1), key="Down"),
        moving("previous_slice", "Previous slice", partial(w.views.read_on, -1), key="Up"),
        moving("next_slices", "Ten slices on", partial(w.views.read_on, 10), key="PgDown"),
        moving("previous_slices", "Ten slices back", partial(w.views.read_on, -10), key="PgUp"),
        moving("first_slice", "First slice", partial(w.views.read_on, -(10**6)), key="Home"),
        moving("last_slice", "Last slice", partial(w.views.read_on, 10**6), key="End"),
        Action(
            "next_timepoint", "Next time point", partial(controller.timepoint, 1), "Image/Time", key=".", when=several
        ),
        Action(
            "previous_timepoint", "Previous time point", partial(controller.timepoint, -1), "Image/Time", key=",",
            when=several,
        ),
        Action(
            "play", "Play time points", w.views.timeline.flip, "Image/Time", "play", "Shift+Space", when=several,
            checked=lambda: w.views.timeline.playing,
        ),
    ]  # fmt: skip
