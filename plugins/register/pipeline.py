"""From a pair of images to the map between them: start, linear levels, deformable stages; progress and previews."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from plugins.register.classical import convex, greedy, initialization, linear
from plugins.register.classical.landmark_force import Pull
from plugins.register.classical.lattice import one_thread
from plugins.register.classical.linear import Hill
from plugins.register.image_pair import Pair
from plugins.register.inputs import MetricName, Start
from viewer.api import CurvePoint, Grid, Job, Refusal, Transform, rigid_fit

Floats = NDArray[np.float64]
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
class Route:
    """How far of the whole job a part goes: progress from `low` to `high`."""

    job: Job
    low: float
    high: float

    def __call__(self, fraction: float) -> None:
        self.job.progress(self.low + (self.high - self.low) * fraction)


def begun(pair: Pair, how: Start, initial: Transform | None, job: Job) -> Floats:
    """The matrix to begin with: the given transform's, that of the landmarks, or by `how`."""
    if initial is not None:
        return initial.matrix
    if pair.landmarks is not None and len(pair.landmarks.fixed):
        return rigid_fit(pair.landmarks, hold=OPEN)
    if how == "as placed":
        return placed(pair)
    if how == "centres":
        return initialization.shift(
            initialization.centre_of_mass(pair.fixed), initialization.centre_of_mass(pair.moving)
        )
    with job.stage("searching for a start"), one_thread():
        hill = Hill(pair.sight(4 * pair.unit, "mutual information"))
        fits = initialization.searched(hill, pair.fixed, pair.moving, placed(pair), pair.flat, Route(job, 0.0, 0.3))
    return fits[0].matrix


def placed(pair: Pair) -> Floats:
    """How the files place the images; of two slices: one in the plane of the other, middle on middle."""
    if not pair.flat:
        return np.eye(4)
    axes = [np.eye(4), np.eye(4)]
    for frame, end in zip(axes, (pair.fixed, pair.moving), strict=True):
        frame[:3, :3] = end.affine[:3, :3] / end.spacing
        frame[:3, 3] = initialization.centre(end)
    return axes[1] @ np.linalg.inv(axes[0])


def chosen_metric(pair: Pair, wanted: MetricName, matrix: Floats, *, deformable: bool) -> str:
    """The metric by name; automatic: local correlation where the aligned images correlate, else what suits any pair."""
    if wanted != "automatic":
        return wanted
    hill_sight = pair.sight(4 * pair.unit, "mutual information")
    sampler = hill_sight.sampler(matrix)
    warped, weight = hill_sight.split(sampler(), sampler.inside())
    inside = weight[0] > 0.5 if weight is not None else None
    a, b = (one[0][inside].double().cpu().numpy() for one in (hill_sight.fixed.values, warped))
    if a.size > 1 and np.corrcoef(a, b)[0, 1] > ALIKE:
        return "local correlation"
    return "MIND-SSC" if deformable else "mutual information"


def aligned(
    pair: Pair, kind: linear.Kind, metric: str, matrix: Floats, job: Job, route: Route, *, far: bool = False
) -> Floats:
    """The best matrix near the given one, or near where the files place the images if that is better at some level.

    far: the start may be centimetres off. Raises Refusal where the images do not overlap.
    """
    levels = LEVELS if far else LEVELS[1:]
    basis, unit = _basis(pair, kind), pair.unit
    for number, (factor, length, reaches) in enumerate(levels):
        mm = factor * unit
        with job.stage(f"{kind}, voxels of {mm:.2g} mm"), one_thread():
            hill = Hill(pair.sight(mm, metric, exact=True), pair.landmarks)
            matrix = max((matrix, placed(pair)), key=lambda one: hill.look(one)[0])

            def tell(value: float, name: str = f"{metric}, {mm:.2g} mm", number: int = number) -> None:
                job.preview(CurvePoint(name, value))
                route((number + 0.5) / len(levels))

            fit = linear.climb(hill, matrix, basis, steps=STEPS, length=length * mm, shortest=mm / 50, tell=tell)
            for reach in reaches:
                fit = linear.polish(hill, fit, basis, reach * mm, partial(route, (number + 0.8) / len(levels)))
        if fit.value == -np.inf:
            raise Refusal("the images do not overlap: move one onto the other by hand, or start with a search.")
        matrix = fit.matrix
        job.preview(Transform(matrix))
        route((number + 1) / len(levels))
    return matrix


def _basis(pair: Pair, kind: linear.Kind) -> Floats:
    centre = initialization.centre_of_mass(pair.fixed)
    reach = float(np.linalg.norm(np.array(pair.fixed.shape) * pair.fixed.spacing)) / 4
    return linear.generators(kind, centre, reach, pair.fixed.affine[:3, 0] if pair.flat else None)


def deformed(
    pair: Pair, metric: str, matrix: Floats, quality: str, job: Job, route: Route, grid: Grid, *, reach: float
) -> Transform:
    """x ↦ matrix·(x + u(x)). reach: mm of the large motion that is looked for first, 0 for none."""
    unit = pair.unit
    field = greedy.zero(pair.fixed.shrunk(QUALITY[quality][0][0].mm * unit))
    pull = Pull(pair.landmarks, matrix) if pair.landmarks is not None else None
    if reach and not pair.flat:
        with job.stage("looking for large motion"):
            ends = [end.shrunk(unit) for end in (pair.fixed, pair.moving)]
            middle = (route.low + route.high) / 2
            field = convex.start(*ends, matrix, reach, Route(job, route.low, middle))
            route = Route(job, middle, route.high)
        job.preview(transform_of(field, matrix, grid))
    stages = QUALITY[quality]
    for number, (stage, radius) in enumerate(stages):
        stage = replace(stage, mm=stage.mm * unit)
        with job.stage(f"deformable, voxels of {stage.mm:.2g} mm"):
            sight = pair.sight(stage.mm, metric, radius=radius)

            def tell(step: int, value: float, number: int = number, stage: greedy.Stage = stage) -> None:
                job.preview(CurvePoint(f"{metric}, {stage.mm:.2g} mm", value))
                route((number + step / stage.steps) / len(stages))

            field = greedy.refine(field, sight, matrix, stage, pull=pull, tell=tell)
        job.preview(transform_of(field, matrix, grid))
    return transform_of(field, matrix, grid)


def transform_of(field: greedy.Field, matrix: Floats, grid: Grid) -> Transform:
    """With the field in LPS mm, on its own lattice in the fixed space."""
    axes = field.affine[:3, :3] / np.linalg.norm(field.affine[:3, :3], axis=0)
    along = field.mm.detach().cpu().numpy()
    world = np.einsum("xa,akji->kjix", axes, along).astype(np.float32)
    k, j, i = world.shape[:3]
    where = Grid((k, j, i), field.affine, grid.frame_of_reference, grid.placed)
    return Transform(matrix, np.ascontiguousarray(world), where)
