"""A small picture of an image. Runs in a reader process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.io.dicom.pixels.read import ReadJob, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.volume import Window
    from viewer.io.read_plan import Plan

SIDE = 96  # pixels of the longest side


def dicom_picture(job: ReadJob, aspect: float, windows: tuple[Window, ...]) -> NDArray[np.uint8]:
    """The slice of the job; see picture."""
    return picture(next(slices(job)), job.plan, aspect, windows)


def file_picture(plan: Plan, aspect: float, windows: tuple[Window, ...]) -> NDArray[np.uint8]:
    """The middle slice of a file that is not DICOM; see picture."""
    from viewer.io.images.image_files import middle_slice

    return picture(middle_slice(plan), plan, aspect, windows)


def picture(pixels: NDArray[Any], plan: Plan, aspect: float, windows: tuple[Window, ...]) -> NDArray[np.uint8]:
    """Grey or RGB, windowed, longest side SIDE; aspect: height of a pixel over its width."""
    small = _resized(pixels, aspect)
    if small.ndim == 3:
        return np.ascontiguousarray(small, np.uint8)
    values = np.nan_to_num(small.astype(np.float64)) * plan.slope + plan.intercept
    window = windows[0] if windows else None
    low, high = (window.lower, window.upper) if window else np.percentile(values, (1, 99))
    grey = np.clip((values - low) / max(float(high - low), 1e-9), 0, 1)
    return np.asarray(255 * (1 - grey if plan.inverted else grey), np.uint8)


def _resized(pixels: NDArray[Any], aspect: float) -> NDArray[Any]:
    """Means over blocks of pixels, then the nearest of these."""
    height, width = pixels.shape[0] * aspect, float(pixels.shape[1])
    scale = SIDE / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    for axis, wanted in ((0, rows), (1, columns)):
        block = pixels.shape[axis] // wanted
        if block > 1:
            whole = np.take(pixels, range(block * (pixels.shape[axis] // block)), axis)
            pixels = whole.reshape(*whole.shape[:axis], -1, block, *whole.shape[axis + 1 :]).mean(axis + 1)
        near = ((np.arange(wanted) + 0.5) * pixels.shape[axis] / wanted).astype(int)
        pixels = np.take(pixels, near, axis)
    return pixels
