from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from any_grid import grids
from hypothesis import given
from vtkmodules.util.numpy_support import vtk_to_numpy

from viewer.data.grid import Grid
from viewer.processes.shared_array import create_shared
from viewer.render.vtk_bridge import image_of, matrix_of, vtk_axis

TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


def address(image) -> int:
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    return scalars.__array_interface__["data"][0]


@pytest.mark.parametrize("dtype", TYPES)
def test_vtk_reads_the_very_memory(dtype):
    array = np.zeros((3, 4, 5), dtype)
    assert address(image_of(array, Grid.of((3, 4, 5)))) == array.__array_interface__["data"][0]


def test_read_only_shared_and_colour_arrays_are_not_copied_either():
    shared, _ = create_shared((3, 4, 5), np.int16)
    still = np.zeros((3, 4, 5), np.int16)
    still.setflags(write=False)
    colour = np.zeros((3, 4, 5, 3), np.uint8)
    for array in (shared, still, colour):
        image = image_of(array, Grid.of((3, 4, 5)))
        assert address(image) == array.__array_interface__["data"][0]
    assert image.GetNumberOfScalarComponents() == 3


def test_what_is_written_later_is_seen():
    array = np.zeros((3, 4, 5), np.int16)
    image = image_of(array, Grid.of((3, 4, 5)))
    array[1, 2, 3] = 77
    assert image.GetScalarComponentAsDouble(3, 2, 1, 0) == 77


def test_the_memory_lives_as_long_as_the_image_and_no_longer():
    array = np.full((30, 40, 50), 7, np.int16)
    gone = weakref.ref(array)
    image = image_of(array, Grid.of(array.shape))
    del array
    gc.collect()
    np.zeros((30, 40, 50), np.int16)  # would take the place of freed memory
    assert image.GetScalarComponentAsDouble(49, 39, 29, 0) == 7
    del image
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("dtype", ["float16", "bool"])
def test_types_that_vtk_lacks_keep_their_values(dtype):
    array = np.arange(60).reshape(3, 4, 5).astype(dtype)
    image = image_of(array, Grid.of((3, 4, 5)))
    assert image.GetScalarComponentAsDouble(4, 3, 2, 0) == array[2, 3, 4]


@given(grids())
def test_the_matrix_takes_voxels_to_where_the_grid_says(grid):
    image = image_of(np.zeros(grid.shape, np.uint8), grid)
    for index in ((0, 0, 0), tuple(n - 1 for n in grid.shape)):
        point = [0.0, 0.0, 0.0]
        image.TransformIndexToPhysicalPoint(*index[::-1], point)
        world = matrix_of(grid).MultiplyPoint((*point, 1))[:3]
        assert world == pytest.approx(grid.to_world(index), abs=1e-6)


def test_axes_are_turned_round():
    assert [vtk_axis(axis) for axis in (0, 1, 2)] == [2, 1, 0]
