"""nnInteractive (Isensee et al., arXiv 2503.08373) as a method, where the user has installed it and its weights.

It looks at the image as it is and chooses its own scale. Every answer begins from the mask that the prompts before it
gave, so that nothing of it is remembered between two prompts.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import find_objects

from plugins.segment_prompt.rasterize import MARKS, constrain, rasterize
from plugins.segment_prompt.zoom import check_values
from viewer.api import Job, NetworkRun, Prompt, Refusal, Volume, digest, read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugins.segment_prompt.prompts import Mask
    from viewer.api import Grid

PACKAGE = "nnInteractive"
CHECKPOINT = "checkpoint_final.pth"
Interaction = tuple[str, Any]  # what it is called by nnInteractive, and its place or voxels, in the order [k, j, i]


def nninteractive_mask(
    image: Volume,
    prompts: tuple[Prompt, ...],
    previous: Mask,
    protected: Mask,
    answered: int,
    weights: Path | None,
    licence_accepted: bool,
    job: Job,
) -> Mask:
    """The mask [k, j, i] that the prompts ask for, of which the previous mask has answered the first `answered`.

    weights: a folder as nnInteractive's makers give it. Raises Refusal where the package or the weights are missing,
    their licence was not accepted, or prompts contradict each other.
    """
    if weights is None:
        raise Refusal("nnInteractive needs its weights: choose their folder.")
    if not licence_accepted:
        raise Refusal(
            "the licence of nnInteractive's weights has to be accepted first (that of the official ones, "
            "CC BY-NC-SA 4.0, forbids commercial use): read it, then switch “licence accepted” on."
        )
    check_values(np.asarray(image.array, np.float32))
    rasterize(prompts, image.grid, protected)
    session, sha256, engine = _session(weights, job.device, _stamp(weights))
    job.used = NetworkRun(weights.name, sha256, engine, "as nnInteractive chooses", job.device)
    session.set_image(np.ascontiguousarray(image.array[None]))
    session.set_target_buffer(np.zeros(image.grid.shape, np.uint8))
    if previous.any():
        session.add_initial_seg_interaction(previous.astype(np.uint8), run_prediction=False)
    told = [
        (number >= answered, prompt.positive, *interaction)
        for number, prompt in enumerate(prompts)
        for interaction in interactions(prompt, image.grid)
    ]
    for number, (new, positive, kind, what) in enumerate(told):
        job.progress(number / len(told))
        add: Callable[..., None] = getattr(session, f"add_{kind}_interaction")
        # what was answered before is known by the mask that it gave: a prediction for it would change nothing
        add(what, include_interaction=positive, run_prediction=new)
    mask = np.array(session.target_buffer) > 0
    session.reset_interactions()
    constrain(mask, prompts, image.grid, protected)
    return mask


def interactions(prompt: Prompt, grid: Grid) -> list[Interaction]:
    """A prompt as nnInteractive is told of it: a box of more than one slice as the middle slice along each axis."""
    if prompt.kind == "point":
        return [("point", grid.nearest(prompt.points[0]))]
    drawn = rasterize((prompt,), grid)
    if prompt.kind in MARKS:
        return [("scribble", (drawn.positive if prompt.positive else drawn.negative).astype(np.uint8))]
    inside = drawn.box if prompt.positive else drawn.excluded
    if prompt.kind == "lasso":
        return [("lasso", inside.astype(np.uint8))]
    if not inside.any():
        raise Refusal("a box holds no voxel of the image: draw a larger one.")
    spans = [[span.start, span.stop] for span in find_objects(inside.astype(np.uint8))[0]]
    if any(stop - start == 1 for start, stop in spans):
        return [("bbox", spans)]
    middles = [(start + stop) // 2 for start, stop in spans]
    return [
        ("bbox", [[middles[axis], middles[axis] + 1] if axis == across else spans[axis] for axis in range(3)])
        for across in range(3)
    ]


def _stamp(weights: Path) -> tuple[float, ...]:
    """When the checkpoints of a folder were written. Raises Refusal where there are none."""
    found = sorted(weights.glob(f"fold_*/{CHECKPOINT}"))
    if not found:
        raise Refusal(
            f"{weights.name or weights} holds no fold_…/{CHECKPOINT}: choose the folder of nnInteractive's weights."
        )
    return tuple(path.stat().st_mtime for path in found)


@lru_cache(maxsize=1)
def _session(weights: Path, device: str, stamp: tuple[float, ...]) -> tuple[Any, str, str]:
    """The loaded network, the SHA-256 of its weights, and name and version of the package. Raises Refusal."""
    import torch

    try:
        from nnInteractive.inference.inference_session import nnInteractiveInferenceSession as Session
    except ImportError as error:
        raise Refusal(
            f"nnInteractive is not installed or does not start ({error}): install it beside Tomolens with "
            "“pip install nninteractive”."
        ) from error
    checkpoints = sorted(weights.glob(f"fold_*/{CHECKPOINT}"))
    for path in checkpoints:
        read_checkpoint(path)  # nnInteractive would run whatever a checkpoint says: this one names no code
    session = Session(device=torch.device(device), verbose=False, torch_n_threads=torch.get_num_threads())
    session.initialize_from_trained_model_folder(str(weights))
    return session, digest(checkpoints, weights), f"{PACKAGE} {version(PACKAGE)}"
