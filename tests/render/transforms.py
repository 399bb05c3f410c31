"""Transforms of every kind between two grids, and what SimpleITK resamples with them on the pixels of a view."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from viewer.data.grid import Grid
from viewer.data.transform import Transform

FIXED = Grid.of((60, 64, 68), (1.5, 1.4, 1.3), (-45, -45, -45))
TILT = np.array([[0.96, 0.0, 0.28], [0.0, 1.0, 0.0], [-0.28, 0.0, 0.96]])
MOVING = Grid.of((50, 70, 60), (2.0, 1.2, 1.5), (-60, -40, -30), TILT)
MARK = 26  # rows at the top that say "registered, not reviewed", whatever else is hidden
PLANES = ("axial", "sagittal", "coronal")


def itk(grid, array, *, vector=False):
    image = sitk.GetImageFromArray(array, isVector=vector)
    image.SetSpacing([float(mm) for mm in grid.spacing[::-1]])
    image.SetOrigin([float(mm) for mm in grid.origin])
    image.SetDirection([float(cosine) for cosine in grid.direction.ravel()])
    return image


def itk_transform(transform):
    affine = sitk.AffineTransform(transform.matrix[:3, :3].ravel().tolist(), transform.matrix[:3, 3].tolist())
    if transform.displacement is None:
        return affine
    field = itk(transform.grid, transform.displacement.astype(np.float64), vector=True)
    return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(field)])  # the last is applied first


def resampled(view, layer, outside=0.0):
    """The layer on the view's pixels, as SimpleITK makes it."""
    pose = view.pose
    screen = Grid.of(
        (1, pose.height, pose.width),
        (1, pose.scale, pose.scale),
        pose.world(0.5, 0.5),
        np.column_stack([pose.plane.right, pose.plane.down, pose.plane.forward]),
    )
    volume, blank = layer.volumes[0], itk(screen, np.zeros(screen.shape, np.float32))
    moving = itk(volume.grid, volume.array.astype(np.float32))
    return sitk.GetArrayFromImage(
        sitk.Resample(moving, blank, itk_transform(layer.transform), sitk.sitkLinear, outside)
    )[0]


def affine(scale=1.0):
    a, b = np.deg2rad(12), np.deg2rad(-7)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * scale
    matrix[:3, 3] = (-12, 8, 15)
    return matrix


def bend(direction=None):
    """Smooth displacements up to some 5 mm on a coarse lattice of its own."""
    grid = Grid.of((40, 40, 40), (3, 3, 3), (-60, -60, -60), direction)
    noise = np.random.default_rng(3).normal(size=(*grid.shape, 3))
    field = np.stack([gaussian_filter(noise[..., c], 4) for c in range(3)], axis=-1)
    return (field * 5 / np.abs(field).max()).astype(np.float32), grid


TRANSFORMS = {
    "rigid": Transform(affine()),
    "scaled": Transform(affine(1.15)),
    "sheared": Transform(affine() @ np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0.1, 1.1, 0], [0, 0, 0, 1]])),
    "field": Transform(np.eye(4), *bend()),
    "field and affine": Transform(affine(1.1), *bend()),
    "oblique field": Transform(affine(), *bend(TILT)),
}
