"""Deformable registration by another program, where one is installed."""

from __future__ import annotations

from typing import Literal

from plugins.groups import REGISTRATION
from viewer.api import Job, Transform, Volume, plugin

from .external_engines import INSTALLED, run_engine
from .inputs import OUTPUTS, DifferentPatients, Fixed, FixedMask, Moving, RegistrationInputs


@plugin("Register, other engine", group=REGISTRATION, outputs=OUTPUTS, libraries=("SimpleITK",))
def register_with(
    fixed: Fixed,
    moving: Moving,
    fixed_mask: FixedMask,
    job: Job,
    *,
    engine: Literal[INSTALLED] = INSTALLED[0],  # type: ignore[valid-type]  # known on the user's machine only
    different_patients: DifferentPatients = False,
) -> tuple[Transform, Volume | None]:
    """Bend one image onto another by another program that is installed: greedy, elastix or ANTs.

    Affine first, then deformable, by that program's usual settings for images of one
    contrast (elastix: mutual information); it may fold.

    Parameters
    ----------
    engine
        greedy (pip install picsl-greedy), elastix (itk-elastix) or ANTs (antspyx).
    """
    inputs = RegistrationInputs(fixed, moving, fixed_mask)
    inputs.check("automatic", different_patients=different_patients)
    transform = run_engine(engine, fixed, moving, fixed_mask, job)
    return transform, inputs.resample_moving(transform, job)
