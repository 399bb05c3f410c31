"""A structure's mask from prompts: points, scribbles, boxes and lassos that a person places."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from plugins.groups import SEGMENTATION
from viewer.api import Annotated, Job, Prompts, Range, Refusal, Segment, Segmentation, Volume, plugin

from .tuning.declaration import tune

if TYPE_CHECKING:
    from .prompts import Mask

LEARNED = ("network", "nnInteractive")  # they compute on the job's device
Method = Literal["watershed", "geodesic distance", "random walker", "network", "nnInteractive"]


@plugin(
    "Segment by prompts",
    group=SEGMENTATION,
    outputs=("mask",),
    libraries=("SimpleITK",),
    gpu=True,
    tune=tune,
)
def segment_prompt(
    image: Volume,
    prompts: Prompts,
    initial: Segmentation | None,
    previous: Segmentation | None,
    protected: Segmentation | None,
    job: Job,
    *,
    method: Method = "watershed",
    model: str = "segment-prompt",
    weights: Path | None = None,
    licence_accepted: bool = False,
    answered: Annotated[int, Range(0, 10_000)] = 0,
) -> Segmentation:
    """Find a structure from a few points, scribbles, boxes or lassos on it.

    The mask agrees with every prompt. What is looked at grows with the structure until nothing of it is cut off. The
    mask says how far it can be trusted, and where its edge is doubtful.

    Args:
        image: Grey values.
        prompts: What is in the structure and what is not, in the order in which it was said; LPS mm.
        initial: The structure before any prompt, which they refine.
        previous: The mask that the first prompts gave.
        protected: What must not be touched, such as other structures.
        method: How voxels that no prompt names are told apart.
        model: Name of the trained model of the method network.
        weights: Folder with the weights of nnInteractive, where you have installed it: it does not come with Tomolens.
        licence_accepted: You have read the licence of these weights, and what you do is allowed by it. That of the
            official ones (CC BY-NC-SA 4.0) forbids commercial use.
        answered: How many of the prompts the previous mask has answered.
    """
    from .doubt import mask_doubt
    from .methods.classical_answer import classical_answer
    from .methods.network_answer import network_answer
    from .zoom import Scene  # scipy and SimpleITK come with it: not before a run

    _check(image, prompts)
    start, last, kept = (_mask(one, image) for one in (initial, previous, protected))
    job.device = job.device if method in LEARNED else "cpu"
    first = answered if answered < len(prompts.prompts) else 0
    mask = last if first else start
    if method == "nnInteractive":
        from .methods.nninteractive import nninteractive_mask

        given = prompts.prompts
        mask = nninteractive_mask(image, given, mask, kept, first, weights, licence_accepted, job)
        return Segmentation(mask.astype(np.uint8), image.grid, (Segment(1, "structure"),))
    answer = network_answer(job, model) if method == "network" else classical_answer(method)
    scene = Scene(image, start, kept, answer, classical_answer("watershed"))
    for count in range(first + 1, len(prompts.prompts) + 1):
        mask, look = scene.find(
            prompts.prompts[:count], mask, partial(job.progress, (count - 1) / len(prompts.prompts))
        )
    with job.stage("doubt"):
        doubt = mask_doubt(mask, image.grid, look, method)
    return Segmentation(mask.astype(np.uint8), image.grid, (Segment(1, "structure", mask_doubt=doubt),))


def _check(image: Volume, prompts: Prompts) -> None:
    """Raises Refusal where prompts cannot say anything of an image."""
    if image.color:
        raise Refusal("a colour image cannot be segmented by prompts: choose a grey-scale one.")
    if not prompts.prompts:
        raise Refusal("there is no prompt: give one.")
    outside = [prompt.kind for prompt in prompts.prompts if image.grid.nearest(prompt.points[0]) is None]
    if outside:
        raise Refusal(f"a {outside[0]} lies outside the image: place it in the image.")


def _mask(segmentation: Segmentation | None, image: Volume) -> Mask:
    """Its voxels; none where there is no segmentation. Raises Refusal where it is on another grid."""
    if segmentation is None:
        return np.zeros(image.grid.shape, bool)
    if not segmentation.grid.matches(image.grid):
        raise Refusal("a label map is not on the image's grid: resample it onto the image first.")
    return np.asarray(segmentation.array > 0)
