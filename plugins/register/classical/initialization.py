"""Where a linear registration begins: as the images lie, by their centres, or by a search over rotations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

from .lattice import Floats, Lattice
from .linear import Fit, Objective, ascend, generators

ANGLES = (-40, -20, 0, 20, 40)  # degrees about each axis
KEPT = 8  # of the starts, the best, that are followed uphill


def centre_of_mass(lattice: Lattice) -> Floats:
    """The centre of the values above the lowest percent, LPS mm."""
    values = lattice.values[0].double()
    values = (values - values.flatten()[:: max(1, values.numel() // 100_000)].quantile(0.01)).clamp(min=0)
    total = float(values.sum())
    if not total:
        return centre(lattice)
    index = [
        float((values.sum(dim=others).cpu().numpy() * np.arange(n)).sum()) / total
        for others, n in zip(((1, 2), (0, 2), (0, 1)), lattice.shape, strict=True)
    ]
    return np.asarray((lattice.affine @ [*index, 1])[:3])


def centre(lattice: Lattice) -> Floats:
    """The middle of the lattice, LPS mm."""
    return np.asarray((lattice.affine @ [*((np.array(lattice.shape) - 1) / 2), 1])[:3])


def translation(fixed: Floats, moving: Floats) -> Floats:
    """The 4×4 translation that takes one place to the other."""
    matrix = np.eye(4)
    matrix[:3, 3] = moving - fixed
    return matrix


def rotation(about: Floats, degrees: tuple[float, float, float]) -> Floats:
    """The 4×4 rotation about a place by Euler angles x, y, z."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = about - matrix[:3, :3] @ about
    return matrix


def search(
    objective: Objective, fixed: Lattice, moving: Lattice, placed: Floats, flat: bool, progress: Callable[[float], None]
) -> list[Fit]:
    """The best of many starts, followed uphill on a coarse lattice; the best comes first.

    placed: how the images lie, 4×4. flat: turns in the plane of the slices only.
    """
    here = centre_of_mass(fixed)
    shifts = [placed, translation(here, centre_of_mass(moving)), translation(centre(fixed), centre(moving))]
    turns: list[tuple[float, float, float]] = [(0.0, 0.0, float(angle)) for angle in range(-180, 180, 20)]
    if not flat:
        turns = [(x, y, z) for x, y, z in product(ANGLES, repeat=3)]
    starts = [shifts[0], *(one @ rotation(here, turn) for one in shifts[1:] for turn in turns)]
    fits = []
    for number, start in enumerate(starts):
        fits.append(Fit(start, objective.evaluate(start)[0]))
        progress(0.7 * number / len(starts))
    best = [fits[0], *sorted(fits[1:], key=lambda fit: -fit.value)[:KEPT]]
    basis = generators("rigid", here, 50.0, fixed.affine[:3, 0] if flat else None)
    maxima = []
    for number, fit in enumerate(best):
        maxima.append(ascend(objective, fit.matrix, basis, steps=25, length=4.0, shortest=0.2))
        progress(0.7 + 0.3 * number / len(best))
    return sorted(maxima, key=lambda fit: -fit.value)
