"""How far two images are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.data.volume import Volume

SIDE = 7  # voxels along each side of the window that structural similarity is measured in
SLAB = 32  # slices measured in one go


@dataclass(frozen=True)
class Difference:
    """How far two images are apart. mean, squared, largest: of the absolute difference, in the unit or its square.

    low, high: of the reference, in the unit. ssim: None in small images.
    """

    mean: float
    squared: float
    largest: float
    low: float
    high: float
    ssim: float | None


def compare_images(reference: Volume, other: Volume) -> dict[str, float]:
    """Mean and largest absolute difference (in the unit), PSNR in dB and SSIM over all voxels, by name.

    Both relate to the range of the reference. PSNR is missing where the images are equal. SSIM: Wang 2004, uniform
    window of 7 voxels a side, in 3-D where there are 7 slices, in the planes else.
    Raises ValueError, one sentence, where the two cannot be compared.
    """
    return _metrics([_difference(reference, other)])


def compare_series(
    references: Sequence[Volume], others: Sequence[Volume]
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """The metrics of compare_images: over all time points together, and of each alone.

    PSNR together relates to the range of all references; SSIM together is the mean. Raises ValueError, one sentence.
    """
    found = [_difference(one, two) for one, two in zip(references, others, strict=True)]
    return _metrics(found), [_metrics([one]) for one in found]


def _metrics(found: Sequence[Difference]) -> dict[str, float]:
    """Of volumes of one size, together."""
    metrics = {"mae": float(np.mean([one.mean for one in found])), "max": max(one.largest for one in found)}
    error = float(np.mean([one.squared for one in found]))
    if error:
        span = max(one.high for one in found) - min(one.low for one in found)
        metrics["psnr"] = float(10 * np.log10((span or 1.0) ** 2 / error))
    similar = [one.ssim for one in found if one.ssim is not None]
    return metrics | ({"ssim": float(np.mean(similar))} if similar else {})


def _difference(reference: Volume, other: Volume) -> Difference:
    _check(reference, other)
    a, b = _values(reference), _values(other)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("One of the images holds voxels without a value; fill them first.")
    gap = np.abs(a - b)
    low, high = float(a.min()), float(a.max())
    similar = _similarity(a, b, high - low or 1.0) if min(a.shape[1:3]) >= SIDE else None
    squared = float(np.mean(np.square(gap), dtype=np.float64))
    return Difference(float(np.mean(gap, dtype=np.float64)), squared, float(gap.max()), low, high, similar)


def _values(volume: Volume) -> NDArray[Any]:
    """Physical values in single precision, or in double where that would round the stored ones."""
    wide = volume.array.dtype.itemsize > 2 and volume.array.dtype != np.float32
    return volume.array.astype(np.float64) * volume.slope + volume.intercept if wide else volume.values()


def _check(a: Volume, b: Volume) -> None:
    """Raises ValueError where grids, units or colours differ: nothing is resampled unasked."""
    if a.color != b.color:
        raise ValueError("One image is in colour and the other is not: they cannot be compared.")
    if a.unit and b.unit and a.unit != b.unit:
        raise ValueError(f"The images are in different units, {a.unit} and {b.unit}: they cannot be compared.")
    if a.grid.shape != b.grid.shape:
        sizes = " and ".join("×".join(map(str, one.grid.shape)) for one in (a, b))
        raise ValueError(f"The images have different sizes, {sizes} voxels: resample one onto the other first.")
    if not a.grid.matches(b.grid, tolerance=0.01):
        apart = float(np.linalg.norm(a.grid.corners - b.grid.corners, axis=1).max())
        raise ValueError(f"The images lie up to {apart:.3g} mm apart: resample one onto the other first.")


def _similarity(a: NDArray[Any], b: NDArray[Any], span: float) -> float:
    """The mean over every window that lies inside, measured slab by slab so that memory stays small."""
    from skimage.metrics import structural_similarity

    if a.ndim == 4:
        return float(np.mean([_similarity(a[..., c], b[..., c], span) for c in range(a.shape[3])]))
    solid = len(a) >= SIDE
    edge = SIDE // 2
    inner = (slice(edge, -edge),) * (3 if solid else 2)
    total, count = 0.0, 0
    for k in range(0, len(a) - (SIDE - 1 if solid else 0), SLAB if solid else 1):
        slab = slice(k, k + SLAB + SIDE - 1) if solid else k
        _, similarity = structural_similarity(a[slab], b[slab], win_size=SIDE, data_range=span, full=True)
        total += float(similarity[inner].sum(dtype=np.float64))
        count += similarity[inner].size
    return total / count
