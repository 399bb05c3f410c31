"""Where the pixels of a rendered volume look, and what they meet there: what tools in the 3-D view work with.

A line of sight is looked along in the voxels themselves, not in what was drawn of them: a smoothed surface, or one that
is still being made, would give other places than the segment has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viewer.data.arrays import Floats
from viewer.render.volumes.volume_presets import stored_value

if TYPE_CHECKING:
    from viewer.data.grid import Grid
    from viewer.data.volume import Volume, Window
    from viewer.render.view import View
    from viewer.render.volumes.volume_presets import Preset
    from viewer.scene.segmentation_layer import SegmentationLayer

STOPPED = 0.5  # of the light: what stops that much is what a reader sees there
STEP = 0.5  # voxels between two places that are looked at
Ray = tuple[Floats, Floats]  # a place, LPS mm, and the unit direction away from the reader


def line_of_sight(view: View, x: float, y: float) -> Ray:
    """Every place under a widget pixel: one of them (LPS mm), and the unit direction away from the reader."""
    camera = view.renderer.GetActiveCamera()
    right, down = screen_axes(view)
    across, along = (x - view.width() / 2) * view.scale, (y - view.height() / 2) * view.scale
    forward = np.asarray(camera.GetDirectionOfProjection(), dtype=np.float64)
    return np.asarray(camera.GetFocalPoint()) + across * right + along * down, forward


def screen_axes(view: View) -> tuple[Floats, Floats]:
    """Unit world directions of the screen's right and down."""
    camera = view.renderer.GetActiveCamera()
    forward, up = np.asarray(camera.GetDirectionOfProjection()), np.asarray(camera.GetViewUp())
    right = np.cross(forward, up)
    right = right / max(float(np.linalg.norm(right)), 1e-12)
    return right, np.cross(forward, right)


def to_screen(view: View) -> Floats:
    """4×4: places (x, y, z, 1) in LPS mm to (pixel x, pixel y, depth in mm, 1); parallel projection."""
    right, down = screen_axes(view)
    focus, forward = line_of_sight(view, view.width() / 2, view.height() / 2)
    out = np.eye(4)
    out[:3, :3] = np.stack([right / view.scale, down / view.scale, forward])
    out[:3, 3] = np.array([view.width() / 2, view.height() / 2, 0.0]) - out[:3, :3] @ focus
    return out


def first_opaque(ray: Ray, volume: Volume, grid: Grid, preset: Preset, window: Window) -> float | None:
    """How far along a line of sight (mm) a rendered volume stops half of the light; of a maximum, where that is.

    grid: of the volume's voxels in the world. Opacities are those of a mm, as VTK takes them. None where it is seen
    through, or not drawn.
    """
    from scipy.ndimage import map_coordinates

    depths = _depths(ray, grid)
    if not preset.opacity or depths is None:
        return None
    index = grid.to_index(ray[0] + depths[:, None] * ray[1]).T
    values = map_coordinates(volume.array, index, np.float64, order=1, mode="nearest")
    points = sorted((stored_value(preset, value, volume, window), height) for value, height in preset.opacity)
    opacity = np.interp(values, *np.array(points).T)
    if preset.blend == "maximum":
        brightest = int((values * np.sign(volume.slope or 1.0)).argmax())
        return float(depths[brightest]) if opacity[brightest] > 0 else None
    if preset.gradient:
        opacity *= _gradient_opacity(volume, index, grid, preset, abs(window.width / (volume.slope or 1.0)))
    left = np.cumprod((1 - np.clip(opacity, 0, 1)) ** (depths[1] - depths[0]))
    return float(depths[(left <= STOPPED).argmax()]) if left[-1] <= STOPPED else None


def first_labelled(ray: Ray, layer: SegmentationLayer) -> float | None:
    """How far along a line of sight (mm) the first voxel of a segment that is drawn lies; None where none does."""
    grid = layer.world_grid
    depths = _depths(ray, grid)
    if depths is None:
        return None
    index = np.rint(grid.to_index(ray[0] + depths[:, None] * ray[1])).astype(np.intp)
    k, j, i = np.clip(index, 0, np.array(grid.shape) - 1).T
    hit = np.zeros(len(depths), np.bool_)
    for number, labels in enumerate(layer.segmentation.maps):
        seen = [one.label for one in layer.visible_segments if one.layer == number]
        hit |= np.isin(labels[k, j, i], seen)
    return float(depths[hit.argmax()]) if hit.any() else None


def _depths(ray: Ray, grid: Grid) -> Floats | None:
    """The places along a line of sight (mm) at which it is looked at on its way through a grid; None beside it."""
    start, step = grid.to_index(ray[0]), grid.inverse[:3, :3] @ ray[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.array([(-0.5 - start) / step, (np.array(grid.shape) - 0.5 - start) / step])
    inside = (start >= -0.5) & (start <= np.array(grid.shape) - 0.5)
    along = np.abs(step) > 1e-9
    if not along.any() or not (inside | along).all():
        return None
    near, far = ends[:, along].min(axis=0).max(), ends[:, along].max(axis=0).min()
    gap = STEP * float(grid.spacing.min())
    return np.arange(near + gap / 2, far, gap) if far - near > 2 * gap else None


def _gradient_opacity(volume: Volume, index: Floats, grid: Grid, preset: Preset, whole: float) -> Floats:
    """The share of the opacity that the steepness of the values leaves. index: places [3, n]; whole: the window."""
    from scipy.ndimage import map_coordinates

    slopes = []
    for axis, spacing in enumerate(grid.spacing):
        shift = np.zeros((3, 1))
        shift[axis] = 1
        here, there = (
            map_coordinates(volume.array, index + side * shift, np.float64, order=1, mode="nearest") for side in (-1, 1)
        )
        slopes.append((there - here) / (2 * spacing))
    parts, heights = np.array(preset.gradient).T
    return np.asarray(np.interp(np.linalg.norm(slopes, axis=0), parts * whole, heights))
