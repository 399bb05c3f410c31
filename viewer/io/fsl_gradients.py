"""b-values and gradient directions beside a NIfTI file, as FSL reads them (.bval and .bvec).

https://fsl.fmrib.ox.ac.uk/fsl/docs/#/diffusion/dtifit: one column a time point; directions along the axes of the image,
the first one turned over where the image is right-handed (its affine has a positive determinant).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from viewer.data.grid import Floats, Grid
from viewer.data.volume import Volume


def gradient_paths(image: Path, ending: str) -> tuple[Path, Path]:
    """Where b-values and directions of an image with this ending are kept."""
    name = image.name[: -len(ending)]
    return image.with_name(f"{name}.bval"), image.with_name(f"{name}.bvec")


def gradient_texts(volumes: Sequence[Volume]) -> tuple[str, ...]:
    """What the two files say: b-values and directions; no directions where none is known, nothing without b-values."""
    told = [volume.diffusion for volume in volumes if volume.diffusion is not None]
    if len(told) < len(volumes):
        return ()
    b_values = " ".join(f"{one.b_value:g}" for one in told) + "\n"
    if not any(one.direction for one in told):
        return (b_values,)
    vectors = np.array([one.direction or (0.0, 0.0, 0.0) for one in told]) @ fsl_axes(volumes[0].grid)
    return b_values, "".join(" ".join(f"{x + 0.0:.6g}" for x in row) + "\n" for row in np.round(vectors.T, 6))


def fsl_axes(grid: Grid) -> Floats:
    """The directions (LPS, in columns) that FSL counts the components of a gradient along."""
    handed = np.linalg.det(grid.direction) > 0
    return grid.direction * (-1 if handed else 1, 1, 1)
