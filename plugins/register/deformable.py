"""Deformable registration: a smooth map without folds."""

from __future__ import annotations

from typing import Literal

from plugins.groups import REGISTRATION
from viewer.api import Job, Transform, Volume, plugin

from .inputs import LIBRARIES, OUTPUTS, DifferentPatients, Metric, RegistrationInputs, Start

LARGE = 40.0  # mm that large motion is looked for


@plugin("Register, deformable", group=REGISTRATION, outputs=OUTPUTS, libraries=LIBRARIES, gpu=True)
def register_deform(
    inputs: RegistrationInputs,
    job: Job,
    *,
    quality: Literal["fast", "best"] = "fast",
    before: Literal["rigid", "affine", "nothing"] = "affine",
    motion: Literal["small", "large"] = "small",
    metric: Metric = "automatic",
    start: Start = "search",
    different_patients: DifferentPatients = False,
) -> tuple[Transform, Volume | None]:
    """Bend one image onto another, without folds.

    The map is smooth and can be undone (diffeomorphic). Look at its grid and at how it swells and shrinks before you
    trust it: what is in one image only, a tumour for instance, has no true counterpart.

    Parameters
    ----------
    quality
        Best compares smaller voxels: finer, and about four times as slow.
    before
        What is done before it bends: for one person rigid, for different ones affine.
    motion
        Large looks as far as 40 mm for each part first: for the lungs and the abdomen.
    """
    from .image_pair import prepare
    from .pipeline import ProgressRange, align_before, choose_metric, deform

    pair = prepare(inputs, metric, job, different_patients=different_patients)
    matrix = align_before(pair, before, metric, start, inputs.initial, job)
    chosen = choose_metric(pair, metric, matrix, deformable=True)
    reach = LARGE if motion == "large" else 0.0
    progress = ProgressRange(job, 0.5, 0.95)
    transform = deform(pair, chosen, matrix, quality, job, progress, inputs.fixed.grid, reach=reach)
    return transform, inputs.resample_moving(transform, job)
