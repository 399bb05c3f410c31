"""Affine registration: turns, shifts, scales and shears."""

from __future__ import annotations

from typing import Literal

from plugins.groups import REGISTRATION
from viewer.api import Job, Transform, Volume, plugin

from .inputs import LIBRARIES, OUTPUTS, DifferentPatients, Metric, RegistrationInputs, Start


@plugin("Register, affine", group=REGISTRATION, outputs=OUTPUTS, libraries=LIBRARIES, gpu=True)
def register_affine(
    inputs: RegistrationInputs,
    job: Job,
    *,
    freedom: Literal["affine", "similarity"] = "affine",
    metric: Metric = "automatic",
    start: Start = "search",
    different_patients: DifferentPatients = False,
) -> tuple[Transform, Volume | None]:
    """Turn, shift and scale one image onto another.

    For different persons, a person and an atlas, or scanners whose millimetres differ. Begins with a rigid
    registration.

    Parameters
    ----------
    freedom
        Affine scales and shears each direction by itself; similarity scales all alike.
    """
    from .pipeline import register_linear

    transform = register_linear(freedom, inputs, metric, start, job, different_patients=different_patients)
    return transform, inputs.resample_moving(transform, job)
