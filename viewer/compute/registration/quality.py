"""How good a registration is, measured whole: what it bends, and how alike the two images are before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.images.resample import resample_labels
from viewer.compute.labels.label_metrics import Agreement, label_metrics
from viewer.compute.registration.similarity import Similarity, similarity
from viewer.compute.registration.transform_algebra import run_slabs, transform_points, voxel_points
from viewer.compute.registration.transform_quality import Smoothness, inverse_consistency, jacobian, smoothness

if TYPE_CHECKING:
    from viewer.data.grid import Grid
    from viewer.data.segmentation import Segmentation
    from viewer.data.transform import Transform
    from viewer.data.volume import Volume

StageCallback = Callable[[float, str], None]  # fraction done, what happens now; it may raise to stop the measuring
PERCENTILE = 95


@dataclass(frozen=True)
class Deformation:
    """What a displacement field does: its mean and largest length in mm, and its folds and smoothness."""

    mean: float
    largest: float
    smoothness: Smoothness


@dataclass(frozen=True)
class InverseConsistency:
    """How far points come to lie from where they started, there by one registration and back by another, mm."""

    mean: float
    percentile: float  # the 95th
    largest: float


@dataclass(frozen=True)
class Quality:
    """A registration measured. deformation: None for a matrix alone. before: None without overlap before the transform.

    labels: of every label, before and after; empty where no label maps were given.
    """

    deformation: Deformation | None
    before: Similarity | None
    after: Similarity
    labels: Mapping[int, tuple[Agreement, Agreement]] = field(default_factory=dict)


def measure(
    fixed: Volume,
    moving: Volume,
    transform: Transform,
    labels: tuple[Segmentation, Segmentation] | None,
    tell: StageCallback,
) -> Quality:
    """The quality of a transform from points of the fixed to points of the moving image, LPS mm.

    labels: of the fixed and of the moving image. Raises ValueError, one sentence, where the two do not overlap.
    """
    tell(0.0, "what it bends")
    bent = deformation(transform)
    tell(0.2, "similarity")
    after = similarity(fixed, moving, transform)
    tell(0.4, "similarity before")
    try:
        before = similarity(fixed, moving)
    except ValueError:
        before = None
    tell(0.6, "labels")
    return Quality(bent, before, after, agreements(*labels, transform, tell) if labels else {})


def agreements(
    fixed: Segmentation, moving: Segmentation, transform: Transform, tell: StageCallback
) -> dict[int, tuple[Agreement, Agreement]]:
    """How well the labels of two images agree on the fixed one's grid, before and after; nearest voxels are taken."""
    found = []
    for place, (how, part) in enumerate((("before", None), ("after", transform))):
        tell(0.6 + 0.2 * place, f"labels {how}")
        carried = resample_labels(moving.array, moving.grid, fixed.grid, part, "nearest")
        found.append(label_metrics(fixed.array, carried, fixed.grid))
    nothing = Agreement(0.0)
    both = sorted(set(found[0]) | set(found[1]))
    return {label: (found[0].get(label, nothing), found[1].get(label, nothing)) for label in both}


def deformation(transform: Transform) -> Deformation | None:
    """What a displacement field does on its own lattice; None for a matrix alone."""
    if transform.displacement is None:
        return None
    lengths = np.concatenate([np.linalg.norm(part, axis=-1).ravel() for part in transform.displacement])
    return Deformation(float(lengths.mean()), float(lengths.max()), smoothness(jacobian(transform)[0]))


def measure_inverse_consistency(
    forward: Transform, backward: Transform, fixed: Grid, moving: Grid
) -> InverseConsistency:
    """Inverse consistency of two registrations, over the voxels of the fixed image that come to lie in the moving one.

    Raises ValueError where none does.
    """
    found = inverse_consistency(forward, backward, fixed)
    inside = np.empty(fixed.shape, bool)
    size = np.array(moving.shape)

    def look(first: int, last: int) -> None:
        index = moving.to_index(transform_points(forward, voxel_points(fixed, first, last)))
        inside[first:last] = ((index >= -0.5) & (index <= size - 0.5)).all(axis=-1)

    run_slabs(fixed, look)
    if not inside.any():
        raise ValueError("The two images do not overlap: align them by hand first.")
    lengths = found[inside]
    return InverseConsistency(float(lengths.mean()), float(np.percentile(lengths, PERCENTILE)), float(lengths.max()))
