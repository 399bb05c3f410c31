"""A picture of a grid on a plane of another grid, sampled while it is looked at; the stored voxels stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkPlane, vtkPlaneCollection
from vtkmodules.vtkImagingCore import vtkImageReslice

from viewer.data.grid import Floats, Grid
from viewer.render.bridge import matrix_of, vtk_matrix
from viewer.render.plane import Pose

SAMPLES = 512  # at most, along a side: what two processor cores sample within a frame


class PlaneReslice:
    """Samples one image (of image_of) on the slice a Pose shows, as finely as the screen or the image asks for."""

    def __init__(self, *, nearest: bool = False) -> None:
        self.filter: Any = vtkImageReslice()
        self.filter.SetOutputDimensionality(2)
        self.filter.SetBorderThickness(2.0)  # the outermost half voxel is drawn whole; clip_box cuts exactly
        if nearest:
            self.filter.SetInterpolationModeToNearestNeighbor()
        else:
            self.filter.SetInterpolationModeToLinear()

    def place(self, image: Any, grid: Grid, pose: Pose) -> Any | None:
        """Sample; returns the vtkMatrix4x4 that takes the output to the world, or None where nothing is in view."""
        plane = pose.plane
        left, top, width, height = _visible(grid, pose)
        if width <= 0 or height <= 0:
            return None
        step = max(pose.scale, grid.spacing.min() / 2, max(width, height) / SAMPLES)
        frame = np.eye(4)
        frame[:3, :3] = np.column_stack([plane.right, plane.down, plane.forward])
        frame[:3, 3] = left * plane.right + top * plane.down + plane.depth(pose.index) * plane.normal
        to_image = matrix_of(grid)
        to_image.Invert()
        axes = vtk_matrix(np.eye(4))
        axes.Multiply4x4(to_image, vtk_matrix(frame), axes)
        self.filter.SetInputData(image)
        self.filter.SetResliceAxes(axes)
        self.filter.SetOutputOrigin(0, 0, 0)
        self.filter.SetOutputSpacing(step, step, 1)
        self.filter.SetOutputExtent(0, int(np.ceil(width / step)), 0, int(np.ceil(height / step)), 0, 0)
        return vtk_matrix(frame)


def clip_box(grid: Grid) -> Any:
    """The vtkPlaneCollection that keeps what lies within the outer faces of the grid's voxels."""
    planes = vtkPlaneCollection()
    for axis in range(3):
        inward = grid.inverse[axis, :3] / np.linalg.norm(grid.inverse[axis, :3])
        for place, sign in ((-0.5, 1.0), (grid.shape[axis] - 0.5, -1.0)):
            at = np.zeros(3)
            at[axis] = place
            plane = vtkPlane()
            plane.SetOrigin(*grid.to_world(at))
            plane.SetNormal(*(sign * inward))
            planes.AddItem(plane)
    return planes


def _visible(grid: Grid, pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, width, height in mm on the plane: the part of the grid's outline that is on the screen."""
    corners: Floats = grid.corners
    across, along = corners @ pose.plane.right, corners @ pose.plane.down
    reach = np.array([pose.width, pose.height]) / 2 * pose.scale
    left, right = max(across.min(), pose.across - reach[0]), min(across.max(), pose.across + reach[0])
    top, bottom = max(along.min(), pose.along - reach[1]), min(along.max(), pose.along + reach[1])
    return float(left), float(top), float(right - left), float(bottom - top)
