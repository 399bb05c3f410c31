"""A picture of a grid on a plane of another grid, sampled while it is looked at; the stored voxels stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.util.vtkConstants import VTK_FLOAT
from vtkmodules.vtkCommonDataModel import vtkPlane
from vtkmodules.vtkImagingCore import vtkImageReslice

from viewer.render.planes.warp import reach, warp
from viewer.render.vtk_bridge import matrix_of, vtk_matrix

if TYPE_CHECKING:
    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid
    from viewer.data.transform import Transform
    from viewer.render.planes.plane import Plane, Pose

PARALLEL = 0.99999  # the cosine from which axes count as parallel (a quarter of a degree)
Outline = tuple[float, float, float, float]  # left, top, width, height on a slice, mm
SAMPLES = 512  # at most, along a side: what two processor cores sample within a frame


@dataclass(frozen=True)
class Lattice:
    """Samples on a slice. frame: 4×4, mm to the right, down and into the screen from the first sample, to the world.

    step: mm between samples to the right and down.
    """

    frame: Floats
    step: tuple[float, float]
    columns: int
    rows: int


def lattice(outline: Outline, finest: float, pose: Pose) -> Lattice:
    """Whole samples that fill an outline on the slice exactly, no finer than `finest` mm and no more than SAMPLES."""
    left, top, width, height = outline
    plane, finest = pose.plane, max(finest, max(width, height) / SAMPLES)
    columns, rows = int(np.ceil(width / finest)), int(np.ceil(height / finest))
    step = width / columns, height / rows
    corner = (left + step[0] / 2) * plane.right + (top + step[1] / 2) * plane.down
    frame = np.eye(4)
    frame[:3, :3] = np.column_stack([plane.right, plane.down, plane.forward])
    frame[:3, 3] = corner + plane.depth(pose.index) * plane.normal
    return Lattice(frame, step, columns, rows)


class PlaneReslice:
    """Samples one image (of image_of) on the slice a Pose shows, as finely as the screen or the image asks for.

    exact: float32, NaN wherever no voxel is; else the stored type, drawn a little further out than the voxels reach.
    """

    def __init__(self, *, nearest: bool = False, exact: bool = False) -> None:
        self.filter: Any = vtkImageReslice()
        self.filter.SetOutputDimensionality(2)
        if exact:
            self.filter.SetOutputScalarType(VTK_FLOAT)
            self.filter.SetBackgroundLevel(float("nan"))
        else:
            self.filter.SetBorderThickness(2.0)  # the outermost half voxel is drawn whole; clip_box cuts exactly
        if nearest:
            self.filter.SetInterpolationModeToNearestNeighbor()
        else:
            self.filter.SetInterpolationModeToLinear()

    def place(self, image: Any, grid: Grid, pose: Pose, transform: Transform | None = None) -> Any | None:
        """Sample; returns the vtkMatrix4x4 that takes the output to the world, or None where nothing is in view.

        grid: where the image lies in the world; transform: where it has a displacement field, that bends it.
        """
        outline = visible(grid, pose, reach(transform))
        if outline is None:
            return None
        samples = lattice(outline, max(pose.scale, grid.spacing.min() / 2), pose)
        self.sample(image, grid, samples, transform)
        return vtk_matrix(samples.frame)

    def sample(self, image: Any, grid: Grid, samples: Lattice, transform: Transform | None) -> None:
        """Set the filter to sample on a lattice."""
        axes = vtk_matrix(samples.frame)
        bent = transform is not None and transform.displacement is not None
        if not bent:
            to_image = matrix_of(grid)
            to_image.Invert()
            axes.Multiply4x4(to_image, axes, axes)
        self.filter.SetResliceTransform(warp(transform, grid) if transform and bent else None)
        self.filter.SetInputData(image)
        self.filter.SetResliceAxes(axes)
        self.filter.SetOutputOrigin(0, 0, 0)
        self.filter.SetOutputSpacing(*samples.step, 1)
        self.filter.SetOutputExtent(0, samples.columns - 1, 0, samples.rows - 1, 0, 0)


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


def visible(grid: Grid, pose: Pose, margin: float = 0.0) -> Outline | None:
    """The part of the grid's outline, and a margin (mm) about it, that is on the screen.

    Left, top, width, height in mm on the plane; None where the slice misses it or none of it is in view.
    """
    corners = grid.corners
    depths = corners @ pose.plane.normal
    if not depths.min() - margin <= pose.plane.depth(pose.index) <= depths.max() + margin:
        return None
    across, along = corners @ pose.plane.right, corners @ pose.plane.down
    half = np.array([pose.width, pose.height]) / 2 * pose.scale
    left, right = max(across.min() - margin, pose.across - half[0]), min(across.max() + margin, pose.across + half[0])
    top, bottom = max(along.min() - margin, pose.along - half[1]), min(along.max() + margin, pose.along + half[1])
    return (
        (float(left), float(top), float(right - left), float(bottom - top)) if left < right and top < bottom else None
    )
