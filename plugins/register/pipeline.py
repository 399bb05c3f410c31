"""From a pair of images to the map between them: start, linear levels, deformable stages; progress and previews."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from viewer.api import CurvePoint, Grid, Job, Refusal, Transform, rigid_fit

from .classical import convex, greedy, initialization, linear
from .classical.landmark_force import LandmarkForce
from .classical.lattice import Floats, one_thread
from .classical.linear import Objective
from .image_pair import Pair, prepare
from .inputs import Metric, RegistrationInputs, Start

ALIKE = 0.5  # correlation of aligned images from which they count as of one contrast
# Linear levels: voxels in units of the finest; the first step, and how far a polish looks, in those voxels.
LEVELS = ((4.0, 1.0, ()), (2.0, 0.25, (0.25, 0.125)), (1.0, 0.25, (0.125,)))
OPEN = 1e-3  # of the spread of landmarks: turns that they tell less of are not made
STEPS = 40  # of a linear level, at most
QUALITY: dict[str, tuple[tuple[greedy.Stage, int], ...]] = {  # stages in units of the linear level, and box radius
    "fast": (
        (greedy.Stage(2.4, 60, 0.8, 0.8), 1),
        (greedy.Stage(1.2, 40, 0.8, 0.75), 1),
        (greedy.Stage(0.8, 20, 1.0, 0.75), 2),
    ),
    "best": (
        (greedy.Stage(2.4, 60, 1.2, 1.0), 2),
        (greedy.Stage(1.2, 40, 1.2, 0.8), 2),
        (greedy.Stage(0.58, 16, 1.5, 0.7), 2),
    ),
}


@dataclass(frozen=True)
class ProgressRange:
    """The share of the whole job that a part of it has: progress from `low` to `high`."""

    job: Job
    low: float
    high: float

    def __call__(self, fraction: float) -> None:
        """Tell the job that this fraction of the part is done. Raises Cancelled."""
        self.job.progress(self.low + (self.high - self.low) * fraction)


def register_linear(
    kind: linear.Kind,
    inputs: RegistrationInputs,
    metric: Metric,
    start: Start,
    job: Job,
    *,
    different_patients: bool,
) -> Transform:
    """The best rigid transform, and for the other kinds that kind after it. Raises Refusal."""
    pair = prepare(inputs, metric, job, different_patients=different_patients)
    matrix = initial_matrix(pair, start, inputs.initial, job)
    chosen = choose_metric(pair, metric, matrix, deformable=False)
    matrix = align(pair, "rigid", chosen, matrix, job, ProgressRange(job, 0.3, 0.6), far=start != "search")
    if kind != "rigid":
        matrix = align(pair, kind, chosen, matrix, job, ProgressRange(job, 0.6, 0.9))
    return Transform(matrix)


def align_before(
    pair: Pair,
    kind: Literal["rigid", "affine", "nothing"],
    metric: Metric,
    start: Start,
    initial: Transform | None,
    job: Job,
) -> Floats:
    """The matrix, fixed to moving LPS mm, that a deformation begins with; up to half of the job's progress.

    Raises Refusal where the images do not overlap.
    """
    matrix = initial_matrix(pair, start, initial, job)
    if kind == "nothing":
        return matrix
    chosen = choose_metric(pair, metric, matrix, deformable=False)
    matrix = align(pair, "rigid", chosen, matrix, job, ProgressRange(job, 0.3, 0.4), far=start != "search")
    if kind == "affine":
        matrix = align(pair, "affine", chosen, matrix, job, ProgressRange(job, 0.4, 0.5))
    return matrix


def initial_matrix(pair: Pair, how: Start, initial: Transform | None, job: Job) -> Floats:
    """The matrix to begin with: the given transform's, that of the landmarks, or by `how`."""
    if initial is not None:
        return initial.matrix
    if pair.landmarks is not None and len(pair.landmarks.fixed):
        return rigid_fit(pair.landmarks, hold=OPEN)
    if how == "as placed":
        return header_alignment(pair)
    if how == "centres":
        return initialization.translation(
            initialization.centre_of_mass(pair.fixed), initialization.centre_of_mass(pair.moving)
        )
    with job.stage("searching for a start"), one_thread():
        objective = Objective(pair.level(4 * pair.unit, "mutual information"))
        fits = initialization.search(
            objective, pair.fixed, pair.moving, header_alignment(pair), pair.flat, ProgressRange(job, 0.0, 0.3)
        )
    return fits[0].matrix


def header_alignment(pair: Pair) -> Floats:
    """How the files place the images; of two slices: one in the plane of the other, middle on middle."""
    if not pair.flat:
        return np.eye(4)
    axes = [np.eye(4), np.eye(4)]
    for frame, end in zip(axes, (pair.fixed, pair.moving), strict=True):
        frame[:3, :3] = end.affine[:3, :3] / end.spacing
        frame[:3, 3] = initialization.centre(end)
    return axes[1] @ np.linalg.inv(axes[0])


def choose_metric(pair: Pair, wanted: Metric, matrix: Floats, *, deformable: bool) -> str:
    """The metric by name; automatic: local correlation where the aligned images correlate, else what suits any pair."""
    if wanted != "automatic":
        return wanted
    level = pair.level(4 * pair.unit, "mutual information")
    sampler = level.sampler(matrix)
    warped, weight = level.split(sampler(), sampler.inside())
    inside = weight[0] > 0.5 if weight is not None else None
    a, b = (one[0][inside].double().cpu().numpy() for one in (level.fixed.values, warped))
    if a.size > 1 and np.corrcoef(a, b)[0, 1] > ALIKE:
        return "local correlation"
    return "MIND-SSC" if deformable else "mutual information"


def align(
    pair: Pair, kind: linear.Kind, metric: str, matrix: Floats, job: Job, progress: ProgressRange, *, far: bool = False
) -> Floats:
    """The best matrix near the given one, or near where the files place the images if that is better at some level.

    far: the start may be centimetres off. Raises Refusal where the images do not overlap.
    """
    levels = LEVELS if far else LEVELS[1:]
    basis, unit = _basis(pair, kind), pair.unit
    for number, (factor, length, reaches) in enumerate(levels):
        mm = factor * unit
        with job.stage(f"{kind}, voxels of {mm:.2g} mm"), one_thread():
            objective = Objective(pair.level(mm, metric, exact=True), pair.landmarks)
            matrix = max((matrix, header_alignment(pair)), key=lambda one: objective.evaluate(one)[0])

            def tell(value: float, name: str = f"{metric}, {mm:.2g} mm", number: int = number) -> None:
                job.preview(CurvePoint(name, value))
                progress((number + 0.5) / len(levels))

            fit = linear.ascend(objective, matrix, basis, steps=STEPS, length=length * mm, shortest=mm / 50, tell=tell)
            for reach in reaches:
                fit = linear.polish(objective, fit, basis, reach * mm, partial(progress, (number + 0.8) / len(levels)))
        if fit.value == -np.inf:
            raise Refusal("the images do not overlap: move one onto the other by hand, or start with a search.")
        matrix = fit.matrix
        job.preview(Transform(matrix))
        progress((number + 1) / len(levels))
    return matrix


def _basis(pair: Pair, kind: linear.Kind) -> Floats:
    centre = initialization.centre_of_mass(pair.fixed)
    reach = float(np.linalg.norm(np.array(pair.fixed.shape) * pair.fixed.spacing)) / 4
    return linear.generators(kind, centre, reach, pair.fixed.affine[:3, 0] if pair.flat else None)


def deform(
    pair: Pair,
    metric: str,
    matrix: Floats,
    quality: str,
    job: Job,
    progress: ProgressRange,
    grid: Grid,
    *,
    reach: float,
) -> Transform:
    """The transform x ↦ matrix·(x + u(x)). reach: mm of the large motion that is looked for first, 0 for none."""
    unit = pair.unit
    field = greedy.zero_field(pair.fixed.downsample(QUALITY[quality][0][0].mm * unit))
    pull = LandmarkForce(pair.landmarks, matrix) if pair.landmarks is not None else None
    if reach and not pair.flat:
        with job.stage("looking for large motion"):
            fixed, moving = (image.downsample(unit) for image in (pair.fixed, pair.moving))
            middle = (progress.low + progress.high) / 2
            field = convex.search_field(fixed, moving, matrix, reach, ProgressRange(job, progress.low, middle))
            progress = ProgressRange(job, middle, progress.high)
        job.preview(transform_of(field, matrix, grid))
    stages = QUALITY[quality]
    for number, (stage, radius) in enumerate(stages):
        stage = replace(stage, mm=stage.mm * unit)
        with job.stage(f"deformable, voxels of {stage.mm:.2g} mm"):
            level = pair.level(stage.mm, metric, radius=radius)

            def tell(step: int, value: float, number: int = number, stage: greedy.Stage = stage) -> None:
                job.preview(CurvePoint(f"{metric}, {stage.mm:.2g} mm", value))
                progress((number + step / stage.steps) / len(stages))

            field = greedy.refine(field, level, matrix, stage, pull=pull, tell=tell)
        job.preview(transform_of(field, matrix, grid))
    return transform_of(field, matrix, grid)


def transform_of(field: greedy.Field, matrix: Floats, grid: Grid) -> Transform:
    """The transform with the field in LPS mm, on its own lattice in the fixed space."""
    axes = field.affine[:3, :3] / np.linalg.norm(field.affine[:3, :3], axis=0)
    along = field.mm.detach().cpu().numpy()
    world = np.einsum("xa,akji->kjix", axes, along).astype(np.float32)
    k, j, i = world.shape[:3]
    where = Grid((k, j, i), field.affine, grid.frame_of_reference, grid.placed)
    return Transform(matrix, np.ascontiguousarray(world), where)
