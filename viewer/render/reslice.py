"""A picture of a grid on a plane of another grid, sampled while it is looked at; the stored voxels stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkPlane
from vtkmodules.vtkImagingCore import vtkImageReslice

from viewer.data.grid import Grid
from viewer.render.bridge import matrix_of, vtk_matrix
from viewer.render.plane import Plane, Pose

PARALLEL = 0.99999  # the cosine from which axes count as parallel (a quarter of a degree)
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
        if width <= 0 or height <= 0 or not _cuts(grid, pose):
            return None
        finest = max(pose.scale, grid.spacing.min() / 2, max(width, height) / SAMPLES)
        columns, rows = int(np.ceil(width / finest)), int(np.ceil(height / finest))
        step = np.array([width / columns, height / rows])  # whole samples fill the outline exactly
        corner = (left + step[0] / 2) * plane.right + (top + step[1] / 2) * plane.down
        frame = np.eye(4)
        frame[:3, :3] = np.column_stack([plane.right, plane.down, plane.forward])
        frame[:3, 3] = corner + plane.depth(pose.index) * plane.normal
        axes = matrix_of(grid)
        axes.Invert()
        axes.Multiply4x4(axes, vtk_matrix(frame), axes)
        self.filter.SetInputData(image)
        self.filter.SetResliceAxes(axes)
        self.filter.SetOutputOrigin(0, 0, 0)
        self.filter.SetOutputSpacing(*step, 1)
        self.filter.SetOutputExtent(0, columns - 1, 0, rows - 1, 0, 0)
        return vtk_matrix(frame)


def clip_box(grid: Grid, plane: Plane) -> list[Any]:
    """The vtkPlanes that keep what lies within the outer faces of the grid's voxels.

    None are needed where the grid runs along the plane: its outline is a rectangle then, and clipping costs 2 ms.
    """
    if np.abs(grid.axes.T @ np.column_stack([plane.right, plane.down, plane.normal])).max(axis=0).min() > PARALLEL:
        return []
    faces = []
    for axis in range(3):
        inward = grid.inverse[axis, :3] / np.linalg.norm(grid.inverse[axis, :3])
        for place, sign in ((-0.5, 1.0), (grid.shape[axis] - 0.5, -1.0)):
            at = np.zeros(3)
            at[axis] = place
            face = vtkPlane()
            face.SetOrigin(*grid.to_world(at))
            face.SetNormal(*(sign * inward))
            faces.append(face)
    return faces


def _cuts(grid: Grid, pose: Pose) -> bool:
    """True where the slice goes through the grid's voxels."""
    depths = grid.corners @ pose.plane.normal
    return bool(depths.min() <= pose.plane.depth(pose.index) <= depths.max())


def _visible(grid: Grid, pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, width, height in mm on the plane: the part of the grid's outline that is on the screen."""
    corners = grid.corners
    across, along = corners @ pose.plane.right, corners @ pose.plane.down
    reach = np.array([pose.width, pose.height]) / 2 * pose.scale
    left, right = max(across.min(), pose.across - reach[0]), min(across.max(), pose.across + reach[0])
    top, bottom = max(along.min(), pose.along - reach[1]), min(along.max(), pose.along + reach[1])
    return float(left), float(top), float(right - left), float(bottom - top)
