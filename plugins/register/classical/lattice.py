"""Images as tensors on regular lattices: filters as banded matrices along each axis, resampling, interpolation.

A dense product with a banded matrix beats a 3-D convolution with the same kernel several times over on CPUs and GPUs.
Shapes are [c, k, j, i]; places are array indices in order k, j, i.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from viewer.api import Volume

Floats = NDArray[np.float64]
Shape = tuple[int, int, int]
SIGMA = 0.45  # of the Gaussian before downsampling, in voxels of the smaller image


@dataclass(frozen=True)
class Lattice:
    """An image on a regular lattice. values: [c, k, j, i]. affine: 4×4, index (k, j, i, 1) to LPS mm."""

    values: Tensor
    affine: Floats

    @property
    def shape(self) -> Shape:
        """Voxels along k, j, i."""
        k, j, i = self.values.shape[1:]
        return k, j, i

    @property
    def spacing(self) -> Floats:
        """Distances between voxels along k, j, i, mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def downsample(self, mm: float, finer: int = 1) -> Lattice:
        """The image with voxels of about `mm`, where they are closer: smoothed, then sampled; the outer faces stay.

        finer: sampled so many times as closely, which spares linear interpolation in it from blurring by its place.
        """
        sizes = list(zip(self.shape, self.spacing, strict=True))
        if all(s >= 0.8 * mm for s in self.spacing):
            return self
        counts = [max(1, round(n * s * finer / mm)) if s < 0.8 * mm / finer else n for n, s in sizes]
        matrices = [
            blur_matrix(n, m, SIGMA * mm / s, self.values) if s < 0.8 * mm else interpolation_matrix(n, m, self.values)
            for (n, s), m in zip(sizes, counts, strict=True)
        ]
        return Lattice(apply_matrices(self.values, matrices), resize_affine(self.affine, self.shape, counts))


def volume_lattice(volume: Volume, device: str) -> Lattice:
    """Grey values in physical units, float32; the lowest finite one stands for those that are not numbers."""
    values = volume.values().astype(np.float32)
    values = values.mean(axis=3) if values.ndim == 4 else values
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, values[finite].min() if finite.any() else 0)
    return Lattice(torch.from_numpy(values)[None].to(device), volume.grid.affine)


def resize_affine(affine: Floats, shape: tuple[int, ...], counts: Sequence[int]) -> Floats:
    """The affine of a lattice with other counts and the same outer faces."""
    factor = np.array(shape) / np.array(counts)
    to = np.diag([*factor, 1.0])
    to[:3, 3] = (factor - 1) / 2
    return affine @ to


def apply_matrices(values: Tensor, matrices: list[Tensor]) -> Tensor:
    """[c, k, j, i] with a matrix applied along each spatial axis. matrices: for k, for j and for i."""
    along_k, along_j, along_i = matrices
    c, k, _, _ = values.shape
    out = torch.matmul(along_j, values @ along_i.T)
    return torch.matmul(along_k, out.reshape(c, k, -1)).reshape(c, -1, *out.shape[2:])


def gaussian_matrix(n: int, sigma: float, like: Tensor) -> Tensor:
    """n×n, smooths by `sigma` voxels; at the border, by what there is."""
    return blur_matrix(n, n, sigma, like)


def box_matrix(n: int, radius: int, like: Tensor) -> Tensor:
    """n×n, the mean over 2 radius + 1 voxels, of those that there are."""
    near = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= radius
    return _tensor(near / near.sum(axis=1, keepdims=True), like)


def box_sum_matrix(n: int, radius: int, like: Tensor) -> Tensor:
    """The transpose of `box_matrix`: what the windows that hold a voxel say of it together."""
    return box_matrix(n, radius, like).T.contiguous()


def downsampling_matrix(n: int, m: int, like: Tensor) -> Tensor:
    """m×n, smooths and samples n voxels at m places with the same outer faces."""
    if m == n:
        return _tensor(np.eye(n), like)
    return blur_matrix(n, m, SIGMA * n / m, like)


def blur_matrix(n: int, m: int, sigma: float, like: Tensor) -> Tensor:
    """m×n, smooths by `sigma` of n voxels and samples at m places with the same outer faces."""
    at = (np.arange(m) + 0.5) * n / m - 0.5
    distance = np.subtract.outer(at, np.arange(n))
    weights = np.exp(-0.5 * (distance / max(sigma, 1e-3)) ** 2)
    weights[weights < 1e-6] = 0  # denormal numbers would make every product many times slower
    return _tensor(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12), like)


def interpolation_matrix(m: int, n: int, like: Tensor) -> Tensor:
    """n×m, linear interpolation of m voxels at n places with the same outer faces."""
    at = np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1)
    low = np.minimum(at.astype(int), max(m - 2, 0))
    matrix = np.zeros((n, m))
    matrix[np.arange(n), low] += 1 - (at - low)
    matrix[np.arange(n), np.minimum(low + 1, m - 1)] += at - low
    return _tensor(matrix, like)


def central_differences(values: Tensor) -> Tensor:
    """Central differences [3, c, k, j, i] along k, j, i per voxel; one-sided at the border, 0 along a single voxel."""
    return torch.stack([_slope(values, axis) for axis in (1, 2, 3)])


def _slope(values: Tensor, axis: int) -> Tensor:
    n = values.shape[axis]
    out = torch.empty_like(values)
    if n == 1:
        return out.zero_()
    torch.sub(values.narrow(axis, 1, n - 1), values.narrow(axis, 0, n - 1), out=out.narrow(axis, 0, n - 1))
    last = out.narrow(axis, n - 2, 1).clone()
    if n > 2:
        inner = (values.narrow(axis, 2, n - 2) - values.narrow(axis, 0, n - 2)) / 2
        out.narrow(axis, 1, n - 2).copy_(inner)
    out.narrow(axis, n - 1, 1).copy_(last)
    return out


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, for steps of a few milliseconds.

    There, handing work to other threads takes longer than the work, and the order of sums depends on their number.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Sampler:
    """Samples an image at places of another lattice, linearly.

    between: 4×4, index (k, j, i, 1) of the lattice to index of the image.
    """

    def __init__(self, image: Tensor, between: Floats, shape: Shape) -> None:
        self.image = image[None]
        sizes = np.array(image.shape[1:])
        scale = 2 / np.maximum(sizes - 1, 1)  # grid_sample counts from -1 to 1, i first
        matrix = (scale[:, None] * between[:3])[::-1]
        matrix[:, 3] -= np.where(sizes[::-1] > 1, 1.0, matrix[:, 3])
        self._linear = _tensor(matrix[:, :3], image)
        places = torch.stack(
            torch.meshgrid(*(torch.arange(n, dtype=image.dtype, device=image.device) for n in shape), indexing="ij")
        )
        self._start = (self._linear @ places.reshape(3, -1) + _tensor(matrix[:, 3:], image)).T.reshape(1, *shape, 3)

    def __call__(self, moved: Tensor | None = None) -> Tensor:
        """[c, k, j, i] at every voxel of the lattice, moved by so many of its voxels [3, k, j, i]."""
        return functional.grid_sample(
            self.image, self.places(moved), mode="bilinear", padding_mode="border", align_corners=True
        )[0]

    def places(self, moved: Tensor | None = None) -> Tensor:
        """Where grid_sample looks: places [1, k, j, i, 3] (x, y, z in −1…1) of the image, moved as in a call."""
        if moved is None:
            return self._start
        return self._start + (self._linear @ moved.reshape(3, -1)).T.reshape(self._start.shape)

    def inside(self) -> Tensor:
        """How far each voxel of the lattice lies in the image: 1 within, falling to 0 a voxel beyond: [1, k, j, i]."""
        halves = (torch.tensor(self.image.shape[:1:-1], device=self.image.device) - 1) / 2
        beyond = ((self._start.abs() - 1) * halves.clamp(min=0.5)).clamp(0, 1)
        return (1 - beyond).prod(dim=-1)


def column(numbers: Floats, like: Tensor) -> Tensor:
    """[3, 1, 1, 1]: a factor for each component of a field [3, k, j, i]."""
    return _tensor(numbers[:, None, None, None], like)


def _tensor(array: NDArray[np.floating], like: Tensor) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(array, dtype=np.float32), device=like.device)
