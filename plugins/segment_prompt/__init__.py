"""A structure's mask from prompts: points, scribbles, boxes and lassos that a person places."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from plugins.groups import SEGMENTATION
from viewer.api import Annotated, Job, Prompts, Range, Refusal, Segment, Segmentation, Volume, plugin

from .tuning.declaration import tune

if TYPE_CHECKING:
    from .prompts import Mask
    from .prompts import Prompts as Marks
    from .zoom import Answer, Floats

Method = Literal["watershed", "geodesic distance", "random walker", "network"]


@plugin(
    "Segment by prompts",
    group=SEGMENTATION,
    outputs=("mask",),
    libraries=("SimpleITK",),
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
        answered: How many of the prompts the previous mask has answered.
    """
    from .doubt import mask_doubt
    from .network_answer import network_answer
    from .zoom import Scene  # scipy and SimpleITK come with it: not before a run

    if image.color:
        raise Refusal("a colour image cannot be segmented by prompts: choose a grey-scale one.")
    if not prompts.prompts:
        raise Refusal("there is no prompt: give one.")
    outside = [prompt.kind for prompt in prompts.prompts if image.grid.nearest(prompt.points[0]) is None]
    if outside:
        raise Refusal(f"a {outside[0]} lies outside the image: place it in the image.")
    start, last, kept = (_mask(one, image) for one in (initial, previous, protected))
    answer = network_answer(job, model) if method == "network" else _classical_answer(method)
    scene = Scene(image, start, kept, answer, _classical_answer("watershed"))
    first = answered if answered < len(prompts.prompts) else 0
    mask = last if first else start
    for count in range(first + 1, len(prompts.prompts) + 1):
        mask, look = scene.find(
            prompts.prompts[:count], mask, partial(job.progress, (count - 1) / len(prompts.prompts))
        )
    with job.stage("doubt"):
        doubt = mask_doubt(mask, image.grid, look, method)
    return Segmentation(mask.astype(np.uint8), image.grid, (Segment(1, "structure", mask_doubt=doubt),))


def _mask(segmentation: Segmentation | None, image: Volume) -> Mask:
    """Its voxels; none where there is no segmentation. Raises Refusal where it is on another grid."""
    if segmentation is None:
        return np.zeros(image.grid.shape, bool)
    if not segmentation.grid.matches(image.grid):
        raise Refusal("a label map is not on the image's grid: resample it onto the image first.")
    return np.asarray(segmentation.array > 0)


def _classical_answer(method: Method) -> Answer:
    """Probabilities of a classical method; those of a watershed are 0 or 1."""
    from . import classical
    from .borders import unlike_faces
    from .prompt_channels import normalize

    def answer(image: Floats, marks: Marks, previous: Mask, core: Mask) -> Floats:
        seeded = replace(marks, positive=marks.positive | core)
        faces = unlike_faces(image, seeded.marked())
        if method == "random walker":
            return classical.random_walker(normalize(image), seeded, faces)
        edges = classical.gradient(image)
        if method == "geodesic distance":
            return classical.geodesic(edges, seeded, faces)
        return classical.watershed(edges, seeded, faces).astype(np.float32)

    return answer
