"""What can be done to compare, align and mark two images, for menus, keys and palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from viewer.scene.compare.comparison import STYLES
from viewer.scene.compare.deformation_display import DEFORMATIONS
from viewer.ui.actions.action import Action

if TYPE_CHECKING:
    from viewer.ui.register.comparison_controller import ComparisonController

COMPARE, BY_HAND, MARKS, DRAWN = "Layer/Compare", "Layer/Align by hand", "Layer/Landmarks", "Layer/Deformation"
HELD: dict[Literal["fixed", "moving"], str] = {"fixed": "U", "moving": "Y"}  # keys
NUDGES = {  # id: title, key, steps to the right, down, and along the slices
    "left": ("Left", "Alt+Left", (-1, 0, 0)),
    "right": ("Right", "Alt+Right", (1, 0, 0)),
    "up": ("Up", "Alt+Up", (0, -1, 0)),
    "down": ("Down", "Alt+Down", (0, 1, 0)),
    "on": ("To the left, back or head", "Alt+PgUp", (0, 0, 1)),
    "back": ("To the right, front or feet", "Alt+PgDown", (0, 0, -1)),
}


def comparison_actions(controller: ComparisonController) -> list[Action]:
    """The actions on the fixed and the moving image."""
    return [*_styles(controller), *_by_hand(controller), *_landmarks(controller), *_deformations(controller)]


def _styles(controller: ComparisonController) -> list[Action]:
    return [
        *(
            Action(
                f"compare_{style}", title, partial(controller.flip, style), COMPARE, key=f"Alt+{n}",
                when=controller.possible, checked=partial(controller.is_on, style),
            )
            for n, (style, title) in enumerate(STYLES.items(), 1)
        ),
        Action(
            "compare_flicker", "Flicker", controller.flip_flicker, COMPARE, "blink", "Alt+0", when=controller.possible,
            checked=controller.flickers, tip="One image, then the other", new_group=True,
        ),
        *(
            Action(
                f"hold_{side}", f"{side.capitalize()} image alone, while held", partial(controller.hold, side), COMPARE,
                key=key, when=controller.possible,
            )
            for side, key in HELD.items()
        ),
        Action(
            "turn_compare", "Turn the wipe's line", controller.turn_line, COMPARE,
            when=partial(controller.is_on, "wipe"),
        ),
    ]  # fmt: skip


def _by_hand(controller: ComparisonController) -> list[Action]:
    moving = partial(Action, menu=BY_HAND, where="views", when=controller.can_nudge)
    return [
        *(
            moving(f"nudge_{name}", title, partial(controller.nudge, *steps), key=key)
            for name, (title, key, steps) in NUDGES.items()
        ),
        moving(
            "nudge_clockwise",
            "Turn clockwise",
            partial(controller.nudge_turn, 1),
            key="Alt+Shift+Right",
            new_group=True,
        ),
        moving("nudge_anticlockwise", "Turn anticlockwise", partial(controller.nudge_turn, -1), key="Alt+Shift+Left"),
    ]


def _landmarks(controller: ComparisonController) -> list[Action]:
    several = lambda: controller.pair is not None and len(controller.session.document.landmarks) > 0  # noqa: E731
    return [
        Action(
            "next_landmark", "Next landmark", partial(controller.next_landmark, 1), MARKS, key="Shift+K", when=several,
        ),
        Action("previous_landmark", "Previous landmark", partial(controller.next_landmark, -1), MARKS, when=several),
        Action(
            "remove_landmark", "Remove landmark", controller.remove_landmark, MARKS, "remove", "Backspace",
            when=controller.has_landmark, where="views", new_group=True,
        ),
    ]  # fmt: skip


def _deformations(controller: ComparisonController) -> list[Action]:
    return [
        Action(
            f"draw_{style}", title, partial(controller.flip_deformation, style), DRAWN, when=controller.can_draw,
            checked=partial(controller.draws, style),
        )
        for style, title in DEFORMATIONS.items()
    ]  # fmt: skip
