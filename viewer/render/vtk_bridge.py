"""numpy to VTK: the only place where arrays and geometry change hands. Nothing is copied.

VTK counts voxels i, j, k (the fastest first) where a Grid counts k, j, i, so sizes and axes are turned round here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from viewer.data.grid import Grid


def image_of(array: NDArray[Any], grid: Grid) -> Any:
    """A vtkImageData over the very memory of array [k, j, i] or [k, j, i, c], in mm from the first voxel's centre.

    Its place in the world is `matrix_of(grid)`. Call Modified() on it after the array was written to.
    Only what VTK has no type for is copied: arrays that are not contiguous, half floats and booleans.
    """
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype == np.bool_:
        array = array.view(np.uint8)
    array = np.ascontiguousarray(array)
    image = vtkImageData()
    image.SetDimensions(*grid.shape[::-1])
    image.SetSpacing(*grid.spacing[::-1])
    flat = array.reshape(-1) if array.ndim == 3 else array.reshape(-1, array.shape[3])
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=False))
    return image


def matrix_of(grid: Grid) -> Any:
    """vtkMatrix4x4 from mm along i, j, k (as image_of lays them) to the world."""
    matrix = np.eye(4)
    matrix[:3, :3] = grid.direction
    matrix[:3, 3] = grid.origin
    return vtk_matrix(matrix)


def vtk_matrix(matrix: ArrayLike) -> Any:
    """A vtkMatrix4x4 with these 4×4 elements."""
    out = vtkMatrix4x4()
    out.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel().tolist())
    return out


def vtk_axis(axis: int) -> int:
    """VTK's number (0 i, 1 j, 2 k) of an array axis (0 k, 1 j, 2 i)."""
    return 2 - axis


def fill_table(table: Any, colours: NDArray[np.uint8]) -> None:
    """Give a vtkLookupTable the colours RGBA [n, 4]."""
    table.SetTable(numpy_to_vtk(np.ascontiguousarray(colours), deep=True))
