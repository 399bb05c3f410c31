"""Images with known truth: smooth invertible warps, lesions, MR noise and receive fields, a head phantom.

All randomness comes from the generator that is handed in, so that the same seed gives the same values.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline

from viewer.compute.registration.control_grid import control_grid
from viewer.compute.registration.transform_algebra import inverted_points
from viewer.data.box import Box, box_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid
    from viewer.data.transform import Transform

SQUARINGS = 6  # of the scaled velocity field
SLAB = 8  # slices resampled at a time: the coordinates of more would outweigh the image


def smooth_noise(shape: tuple[int, int, int], sigma: float, rng: np.random.Generator) -> Floats:
    """White noise smoothed with a Gaussian of sigma voxels, mean 0, standard deviation 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return np.asarray((noise - noise.mean()) / noise.std())


def diffeomorphism(grid: Grid, amplitude: float, smoothness: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Displacement [k, j, i, 3] (x, y, z in mm) of a smooth invertible map that is the identity at the grid's border.

    The exponential of a random stationary velocity field by scaling and squaring (Arsigny et al., MICCAI 2006);
    amplitude: its largest velocity, mm; smoothness: Gaussian sigma, mm. The grid is isotropic.
    """
    sigma = smoothness / grid.spacing[0]
    velocity = np.stack([smooth_noise(grid.shape, sigma, rng) for _ in range(3)], axis=-1)
    velocity *= _border_taper(grid.shape)[..., None]
    velocity *= amplitude / np.linalg.norm(velocity, axis=-1).max() / 2**SQUARINGS
    index = _indices(grid.shape).reshape(-1, 3)
    points = grid.to_world(index)
    for _ in range(SQUARINGS):
        moved = grid.to_index(points + velocity.reshape(-1, 3)).T
        again = [ndimage.map_coordinates(velocity[..., c], moved, order=1, mode="constant") for c in range(3)]
        velocity = velocity + np.stack(again, axis=-1).reshape(velocity.shape)
    return velocity.astype(np.float32)


def source_points(onto: Grid, transform: Transform) -> NDArray[np.float32]:
    """Fixed-space positions [k, j, i, 3], LPS mm, that the transform takes to each voxel of `onto` (moving space).

    The inverse is solved on a coarse grid of 4 mm and interpolated by cubic splines in between.
    """
    coarse = control_grid(onto, 4.0, 4.0)
    nodes = coarse.to_world(_indices(coarse.shape))
    back = np.linalg.inv(transform.matrix)
    bent = inverted_points(transform, nodes) - (nodes @ back[:3, :3].T + back[:3, 3])
    first, steps = coarse.to_index(onto.origin), onto.spacing / coarse.spacing
    weights = [
        CubicSpline(np.arange(n), np.eye(n))(first[axis] + np.arange(onto.shape[axis]) * steps[axis])
        for axis, n in enumerate(coarse.shape)
    ]
    for axis in (2, 1):
        bent = np.moveaxis(np.tensordot(weights[axis], bent, (1, axis)), 0, axis)
    affine = back @ onto.affine
    j, i = np.arange(onto.shape[1])[:, None, None], np.arange(onto.shape[2])[:, None]
    plane = j * affine[:3, 1] + i * affine[:3, 2] + affine[:3, 3]
    layers = bent.reshape(len(bent), -1)
    out = np.empty((*onto.shape, 3), np.float32)
    for k, weight in enumerate(weights[0]):
        out[k] = (weight @ layers).reshape(plane.shape) + plane + k * affine[:3, 0]
    return out


def warped(values: NDArray[Any], grid: Grid, points: NDArray[np.float32], *, order: int) -> NDArray[np.float32]:
    """Values (on `grid`) at world positions [k, j, i, 3]: with `source_points`, the image that a transform has moved.

    order: of the spline, 0 nearest, 1 linear, 3 cubic. 0 outside the image.
    """
    ready = ndimage.spline_filter(values.astype(np.float32), order, output=np.float32) if order > 1 else values
    out = np.empty(points.shape[:3], np.float32)

    def fill(k: int) -> None:
        where = np.moveaxis(grid.to_index(points[k : k + SLAB]), -1, 0)
        ndimage.map_coordinates(ready, where, out[k : k + SLAB], order, mode="constant", prefilter=False)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fill, range(0, len(points), SLAB)))
    return out


def lesion(grid: Grid, centre: Floats, radius: float, rng: np.random.Generator) -> tuple[Box, Floats]:
    """A rounded irregular blob: the box it lies in and its opacity there, 0…1, with a rim about 2 mm wide.

    radius: mm, of the ball of the same size; centre: world, mm.
    """
    reach = np.ceil((1.6 * radius + 3) / grid.spacing).astype(int)
    middle = np.rint(grid.to_index(centre)).astype(int)
    low, high = np.maximum(middle - reach, 0), np.minimum(middle + reach + 1, grid.shape)
    box = box_at(low.tolist(), (high - low).tolist())
    index = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in box], indexing="ij"), axis=-1)
    offset = (grid.to_world(index) - centre) / rng.uniform(0.8, 1.25, 3)
    bumps = ndimage.gaussian_filter(rng.standard_normal(index.shape[:3]), max(1.0, radius / 2))
    distance = np.linalg.norm(offset, axis=-1) + 0.15 * radius * bumps / max(float(bumps.std()), 1e-6)
    return box, np.asarray(1 / (1 + np.exp((distance - radius) / 0.5)))


def rician(values: NDArray[Any], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A magnitude image with complex Gaussian noise of standard deviation sigma (Gudbjartsson & Patz, MRM 1995)."""
    real = values + sigma * rng.standard_normal(values.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(values.shape, dtype=np.float32)
    return np.asarray(np.hypot(real, imaginary), dtype=np.float32)


def receive_field(grid: Grid, strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth multiplicative field [k, j, i] around 1, as of a receive coil: 1 ± strength over the grid."""
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in grid.shape]
    k, j, i = np.meshgrid(*axes, indexing="ij", sparse=True)
    a = rng.uniform(-1, 1, 9).astype(np.float32)
    field = a[0] * k + a[1] * j + a[2] * i + a[3] * k * j + a[4] * j * i + a[5] * k * i
    field = field + a[6] * (k * k - 0.5) + a[7] * (j * j - 0.5) + a[8] * (i * i - 0.5)
    return np.asarray(1 + strength * field / np.abs(field).max(), dtype=np.float32)


def _indices(shape: tuple[int, int, int]) -> NDArray[np.intp]:
    """[k, j, i, 3]: the index of every voxel."""
    return np.moveaxis(np.indices(shape), 0, -1)


def _border_taper(shape: tuple[int, int, int], width: int = 6) -> Floats:
    """1 inside, falling as a raised cosine to 0 over the outer voxels."""
    ramps = [np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / width) for n in shape]
    k, j, i = (np.sin(ramp * np.pi / 2) ** 2 for ramp in ramps)
    return np.asarray(k[:, None, None] * j[:, None] * i)
