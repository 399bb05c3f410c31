"""A level-set surface that starts from a segment, for whoever plays it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from viewer.data.arrays import Mask
from viewer.data.box import Box
from viewer.effects.effect import EffectContext
from viewer.effects.image_effects import snake

GOALS: dict[str, Literal["alike", "edges", "regions"]] = {"likeness": "alike", "edges": "edges", "regions": "regions"}


def creeping(
    context: EffectContext, values: dict[str, Any]
) -> tuple[Box, Callable[[], Callable[[], tuple[Mask, int]]]]:
    """The box that it stays in, and what makes its steps (for the background).

    Raises Refusal, one sentence, for wrong settings and where there is nothing to start from.
    """
    checked = snake.form.validate(values)
    box, mask = context.part(checked["reach"])
    picture = context.values(box)

    def begin() -> Callable[[], tuple[Mask, int]]:
        from viewer.compute.effects.image.snake import Snake

        made = Snake(picture, mask, context.spacing, by=GOALS[checked["to"]], push=checked["push"])

        def step() -> tuple[Mask, int]:
            changed = made.step()
            return made.mask, changed

        return step

    return box, begin
