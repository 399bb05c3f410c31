"""Deformable registration by a network whose weights are the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from plugins.groups import REGISTRATION
from viewer.api import Annotated, Job, Range, Refusal, Transform, Volume, plugin

from .inputs import OUTPUTS, DifferentPatients, Fixed, Moving, RegistrationInputs


@plugin("Register, network from a file", group=REGISTRATION, outputs=OUTPUTS, libraries=("torch",), gpu=True)
def register_network(
    fixed: Fixed,
    moving: Moving,
    job: Job,
    *,
    weights: Path,
    before: Literal["nothing", "rigid", "affine"] = "affine",
    side: Annotated[int, Range(70, 300, 5)] = 175,
    different_patients: DifferentPatients = False,
) -> tuple[Transform, Volume | None]:
    """Bend one image onto another by uniGradICON, multiGradICON or SynthMorph, whose weights you have.

    One pass through a network that its makers trained on many parts of the body (Tian et al., MICCAI 2024) or on
    made-up contrasts (Hoffmann et al., IEEE TMI 2022); it may fold. Tomolens neither brings nor fetches weights; their
    licence is their makers'.

    Parameters
    ----------
    weights
        Step_2_final.trch as uniGradICON's makers publish it, or the same as safetensors; of SynthMorph the Keras file.
    before
        What is done before it bends: for one person rigid, for different ones affine; nothing lays the images' boxes on
        each other, as uniGradICON's makers do.
    side
        Voxels of the cube that uniGradICON sees, each way; its weights were trained for 175, and fewer are faster.
    """
    from . import run_synthmorph, run_unigradicon
    from .image_pair import prepare
    from .learned.keras_weights import is_keras
    from .pipeline import align_before

    inputs = RegistrationInputs(fixed, moving)
    pair = prepare(inputs, "automatic", job, different_patients=different_patients)
    if pair.flat:
        raise Refusal("the network bends volumes, and these are single slices: choose another method.")
    matrix = None if before == "nothing" else align_before(pair, before, "automatic", "search", None, job)
    if is_keras(weights):
        transform = run_synthmorph.register(fixed, moving, matrix, weights, job)
    else:
        transform = run_unigradicon.register(fixed, moving, matrix, weights, side, job)
    return transform, inputs.resample_moving(transform, job)
