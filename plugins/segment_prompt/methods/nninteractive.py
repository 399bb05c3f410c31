"""nnInteractive (Isensee et al., arXiv 2503.08373) as a method, where the user has installed it and its weights.

It looks at the image as it is and chooses its own scale. Every answer begins from the mask that the prompts before it
gave, so that nothing of it is remembered between two prompts. It runs what a checkpoint says, and looks up the names in
plans.json among all of Python: so it reads a copy of both that was checked and that nobody else writes to.
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
from viewer.api import (
    MALFORMED,
    Job,
    NetworkRun,
    Prompt,
    Refusal,
    Volume,
    digest,
    private_copy,
    read_checkpoint,
    read_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugins.segment_prompt.prompts import Mask
    from viewer.api import Grid

PACKAGE = "nnInteractive"
CHECKPOINT = "checkpoint_final.pth"
PLANS, DATASET, ABOUT = "plans.json", "dataset.json", "inference_session_class.json"  # the last one need not be there
LARGEST = 1 << 20  # bytes of each of them; those of the official weights take a few thousand
NAMED = ("dynamic_network_architectures.", "torch.nn.")  # where the parts of a network may come from
BROKEN = "{} of nnInteractive's weights is not what its makers write: get the weights again."
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


def _files(weights: Path) -> list[Path]:
    """What nnInteractive reads of a folder, the checkpoints last. Raises Refusal where there is none of them."""
    found = sorted(weights.glob(f"fold_*/{CHECKPOINT}"))
    if not found:
        raise Refusal(
            f"{weights.name or weights} holds no fold_…/{CHECKPOINT}: choose the folder of nnInteractive's weights."
        )
    about = [weights / ABOUT] if (weights / ABOUT).exists() else []
    return [weights / PLANS, weights / DATASET, *about, *found]


def _stamp(weights: Path) -> tuple[int, ...]:
    """When what is read of a folder was written. Raises Refusal where something is missing."""
    files = _files(weights)
    missing = next((path.name for path in files if not path.is_file()), "")
    if missing:
        raise Refusal(f"{weights.name} lacks its {missing}: get nnInteractive's weights again, whole.")
    return tuple(path.stat().st_mtime_ns for path in files)


def _check(folder: Path) -> None:
    """Raises Refusal where a file is not what nnInteractive's makers write, or names what is no part of a network."""
    for path in _files(folder):
        if path.name == CHECKPOINT:
            read_checkpoint(path)  # it names no code
        elif not isinstance(read_json(path, LARGEST), dict):
            raise Refusal(BROKEN.format(path.name))
    try:
        parts = [one.get("architecture", {}) for one in read_json(folder / PLANS)["configurations"].values()]
        names = [part["network_class_name"] for part in parts if part]
        names += [part["arch_kwargs"][key] for part in parts if part for key in part["_kw_requires_import"]]
        odd = [name for name in names if name is not None and not str(name).startswith(NAMED)]
    except MALFORMED as error:
        raise Refusal(BROKEN.format(PLANS)) from error
    if odd:
        raise Refusal(f"{PLANS} of nnInteractive's weights names code that is no part of a network: it was not read.")


@lru_cache(maxsize=1)
def _session(weights: Path, device: str, stamp: tuple[int, ...]) -> tuple[Any, str, str]:
    """The loaded network, the SHA-256 of its weights, and name and version of the package. Raises Refusal."""
    import torch

    try:
        from nnInteractive.inference.inference_session import nnInteractiveInferenceSession as Session
    except ImportError as error:
        raise Refusal(
            f"nnInteractive is not installed or does not start ({error}): install it beside Tomolens with "
            "“pip install nninteractive”."
        ) from error
    with private_copy(_files(weights), weights) as copy:
        _check(copy)
        session = Session(device=torch.device(device), verbose=False, torch_n_threads=torch.get_num_threads())
        try:
            session.initialize_from_trained_model_folder(str(copy))
        except MALFORMED as error:
            raise Refusal(f"nnInteractive cannot read these weights ({error}): get those of its version.") from error
        sha256 = digest(copy.glob(f"fold_*/{CHECKPOINT}"), copy)
    return session, sha256, f"{PACKAGE} {version(PACKAGE)}"
