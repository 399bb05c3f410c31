"""Where the pixels of a rendered volume look: the geometry that tools in the 3-D view work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from viewer.data.arrays import Floats
    from viewer.render.view import View


def line_of_sight(view: View, x: float, y: float) -> tuple[Floats, Floats]:
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
