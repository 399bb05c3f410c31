"""A transform with a displacement field, as VTK applies it while it samples an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from vtkmodules.vtkCommonTransforms import vtkGeneralTransform
from vtkmodules.vtkFiltersHybrid import vtkGridTransform

from viewer.data.grid import Grid
from viewer.render.vtk_bridge import image_of, matrix_of

if TYPE_CHECKING:
    from viewer.data.transform import Transform

_FIELDS: WeakKeyDictionary[Transform, tuple[Any, float]] = WeakKeyDictionary()  # image of the field, longest arrow


def warp(transform: Transform, grid: Grid) -> Any:
    """A vtkGeneralTransform from the world to mm along i, j, k of an image (of image_of) that lies on this grid.

    Beyond the field it falls to nothing over one voxel of its lattice, where a Transform ends at once.
    """
    if transform.grid is None:
        raise ValueError("a transform without a displacement field needs no warp")
    frame = matrix_of(transform.grid)
    towards, back = matrix_of(transform.grid), matrix_of(grid)
    towards.Invert()
    back.Invert()
    moves = vtkGridTransform()
    moves.SetDisplacementGridData(_field(transform)[0])
    moves.SetInterpolationModeToLinear()
    chain = vtkGeneralTransform()
    chain.PostMultiply()
    for part in (towards, moves, frame, back):
        chain.Concatenate(part)
    return chain


def reach(transform: Transform | None) -> float:
    """How far the field moves anything, at most, mm."""
    return _field(transform)[1] if transform and transform.displacement is not None else 0.0


def _field(transform: Transform) -> tuple[Any, float]:
    """The field with a border of zeros, along the axes of its own lattice; made once for all views."""
    field, grid = transform.displacement, transform.grid
    if field is None or grid is None:
        raise ValueError("there is no displacement field")
    if transform not in _FIELDS:
        axes = np.linalg.inv(grid.direction).astype(np.float32)
        k, j, i = grid.shape
        padded = np.zeros((k + 2, j + 2, i + 2, 3), np.float32)
        np.matmul(field, axes.T, out=padded[1:-1, 1:-1, 1:-1])
        image: Any = image_of(padded, Grid((k + 2, j + 2, i + 2), grid.affine))
        image.SetOrigin(*(-grid.spacing[::-1]))
        longest = max(float(np.linalg.norm(part, axis=-1).max()) for part in field)
        _FIELDS[transform] = image, longest
    return _FIELDS[transform]
