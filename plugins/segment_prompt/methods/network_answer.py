"""The trained network as a method: the probabilities of a crop from its values, its prompts and the last mask."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from plugins.segment_prompt.prompt_channels import CHANNELS, channels, normalize
from plugins.segment_prompt.prompts import Prompts

from . import classical

if TYPE_CHECKING:
    from plugins.segment_prompt.prompts import Mask
    from plugins.segment_prompt.zoom import Answer, Floats
    from viewer.api import Job

MULTIPLE = 8  # of its input's sides, which it halves three times
EXAMPLE = 32  # voxels along each side of what it is tried on


def network_answer(job: Job, model: str) -> Answer:
    """A trained network by its name, as a method. Raises Refusal where it is not there or cannot be loaded."""
    net = job.model(model, channels=len(CHANNELS), multiple=MULTIPLE, example=_example())

    def answer(image: Floats, marks: Prompts, previous: Mask, core: Mask) -> Floats:
        values = normalize(image)
        seeded = replace(marks, positive=marks.positive | core)
        found = channels(values, classical.gradient(values), previous, marks, seeded)
        probabilities: Floats = expit(net(found[None])[0, 0])
        return probabilities

    return answer


@cache
def _example() -> Floats:
    """What the network is tried on: a noisy ball, clicked in its middle."""
    places = np.indices((EXAMPLE,) * 3) - EXAMPLE / 2
    ball = np.linalg.norm(places, axis=0) < EXAMPLE / 4
    image = normalize(ball + 0.2 * np.random.default_rng(0).standard_normal(ball.shape))
    middle = np.linalg.norm(places, axis=0) < 1
    prompts = Prompts.none(ball.shape).with_marks(middle, True)
    return channels(image, classical.gradient(image), np.zeros_like(ball), prompts)
