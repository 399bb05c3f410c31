"""Rigid registration: turns and shifts."""

from __future__ import annotations

from plugins.groups import REGISTRATION
from viewer.api import Job, Transform, Volume, plugin

from .inputs import LIBRARIES, OUTPUTS, DifferentPatients, Metric, RegistrationInputs, Start


@plugin("Register, rigid", group=REGISTRATION, outputs=OUTPUTS, libraries=LIBRARIES, gpu=True)
def register_rigid(
    inputs: RegistrationInputs,
    job: Job,
    *,
    metric: Metric = "automatic",
    start: Start = "search",
    different_patients: DifferentPatients = False,
) -> tuple[Transform, Volume | None]:
    """Turn and shift one image onto another.

    For two images of one person whose shape has not changed: a head, a bone. The result is a transform that takes
    places of the fixed image to places of the moving one; the moving image itself stays as it is.
    """
    from .pipeline import register_linear

    transform = register_linear("rigid", inputs, metric, start, job, different_patients=different_patients)
    return transform, inputs.resample_moving(transform, job)
