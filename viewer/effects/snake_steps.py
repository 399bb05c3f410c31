"""A level-set surface that starts from a segment, for whoever plays it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from viewer.data.arrays import Mask
from viewer.data.box import Box
from viewer.effects.effect import EffectContext
from viewer.effects.image_effects import snake

GOALS: dict[str, Literal["alike", "edges", "regions"]] = {"likeness": "alike", "edges": "edges", "regions": "regions"}


def snake_masks(context: EffectContext, values: dict[str, Any]) -> tuple[Box, Iterator[Mask]]:
    """The box that the surface stays in, and the voxels inside of it there after each step, until it has come to rest.

    Raises Refusal, one sentence, for wrong settings and where there is nothing to start from; the masks, which are to
    be computed in the background, raise it where the segment has shrunk to nothing.
    """
    checked = snake.form.validate(values)
    box, mask = context.part(checked["reach"])
    picture = context.values(box)

    def masks() -> Iterator[Mask]:
        from viewer.compute.effects.image.snake import Snake

        surface = Snake(picture, mask, context.spacing, by=GOALS[checked["to"]], push=checked["push"])
        while surface.step():
            yield surface.mask
        yield surface.mask

    return box, masks()
