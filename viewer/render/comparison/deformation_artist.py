"""How a slice view draws a transform itself: a warped grid, arrows, its magnitude, its change of volume.

What is drawn at a place of the world is where the moving image is taken from, seen from there: of a transform with a
displacement field that field alone; of a matrix the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.transform import Transform
from viewer.render.colormaps import colour_table
from viewer.render.overlay.overlay import ACCENT, ColorBar, Line, Strokes, number
from viewer.render.planes.pixel_plane import Colours, PictureSlice
from viewer.render.planes.reslice import Lattice, lattice, visible
from viewer.render.planes.warp import reach
from viewer.scene.compare.deformation_display import DEFORMATIONS, Deformation
from viewer.scene.layer import VolumeLayer

if TYPE_CHECKING:
    from collections.abc import Hashable

    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid
    from viewer.render.planes.plane import Pose
    from viewer.scene.document import Document

LINES = 24  # across a view, at most, where no spacing is asked for
PARTS = 4  # pieces of a grid line between two crossings
SIDE = 128  # samples of a map along a side, at most
OPACITY = 150  # of 255: a map over the images
MOST = 1000.0  # mm: the widest spacing
FOLDED = (255, 0, 40, 255)
INK = "#ffd65c"
UP = 1.0  # mm that a map is lifted off the images


@dataclass(frozen=True, eq=False)
class DeformationContent:
    """The transform that is drawn, of which layer, and how."""

    how: Deformation
    layer: VolumeLayer
    transform: Transform

    @property
    def extent(self) -> Grid:
        """Where there is something to draw: the field's lattice, or the image."""
        return self.transform.grid or self.layer.world_grid

    @property
    def largest(self) -> float:
        """The longest displacement, mm: the upper end of the magnitude's colours."""
        if self.transform.grid:
            return reach(self.transform) or 1.0
        return float(np.linalg.norm(displacements(self.transform, self.extent.corners), axis=-1).max()) or 1.0


def deformation_content(document: Document, how: Deformation | None) -> DeformationContent | None:
    """What is to be drawn; None where the layer is gone or has no transform."""
    layer = document.find(how.layer) if how else None
    if how is None or not isinstance(layer, VolumeLayer) or layer.transform is None:
        return None
    return DeformationContent(how, layer, layer.transform)


class DeformationArtist:
    """Draws a map over the images."""

    def __init__(self) -> None:
        self._picture = PictureSlice()
        self.prop = self._picture.prop

    def look(self, drawn: DeformationContent) -> Hashable:
        """Everything beside the pose that the map depends on."""
        return drawn.how, drawn.layer.volumes[0], drawn.transform

    def show(self, pose: Pose, drawn: DeformationContent) -> bool:
        """False where this slice has no map to show."""
        transform, outline = drawn.transform, visible(drawn.extent, pose)
        if outline is None or drawn.how.style not in ("magnitude", "determinant"):
            return False
        samples = lattice(outline, max(pose.scale, outline[2] / SIDE, outline[3] / SIDE), pose)
        points = _points(samples)
        if drawn.how.style == "magnitude":
            lengths = np.linalg.norm(displacements(transform, points), axis=-1)
            colours = _coloured(lengths / drawn.largest, "viridis")
        else:
            colours = _volume_colours(determinants(transform, points))
        self._picture.show(colours, samples, -UP * pose.plane.forward)
        return True


def displacements(transform: Transform, points: Floats) -> Floats:
    """Displacements (…, 3), LPS mm, at places (…, 3) of the world: the field's, or where there is none the matrix's."""
    from viewer.compute.registration.transform_algebra import transform_points  # scipy: not before the window is there

    bare = Transform(np.eye(4), transform.displacement, transform.grid) if transform.grid else transform
    return transform_points(bare, points) - points


def determinants(transform: Transform, points: Floats) -> Floats:
    """The Jacobian determinant of the whole map at places (…, 3) of the world, LPS mm.

    Central differences over a voxel of the field each way, as viewer.compute.registration.transform_quality takes them
    at its voxels.
    """
    scale = float(np.linalg.det(transform.matrix[:3, :3]))
    if transform.grid is None:
        return np.full(points.shape[:-1], scale)
    steps = transform.grid.affine[:3, :3].T
    slopes = [(displacements(transform, points + s) - displacements(transform, points - s)) / 2 for s in steps]
    return np.asarray(scale * np.linalg.det(np.eye(3) + np.stack(slopes, axis=-1) @ transform.grid.inverse[:3, :3]))


def strokes(pose: Pose, drawn: DeformationContent) -> Strokes | None:
    """The lines of a warped grid, or arrows, in pixels; None for maps and where the slice shows nothing of it."""
    outline, transform, how = visible(drawn.extent, pose), drawn.transform, drawn.how
    if outline is None or how.style not in ("grid", "arrows"):
        return None
    left, top, width, height = outline
    gap = how.spacing or spacing(max(width, height))
    across = np.arange(np.ceil(left / gap), np.floor((left + width) / gap) + 1) * gap
    along = np.arange(np.ceil(top / gap), np.floor((top + height) / gap) + 1) * gap
    if how.style == "arrows":
        x, y = (part.ravel() for part in np.meshgrid(across, along))
        ends = zip(_pixels(pose, x, y, None), _pixels(pose, x, y, transform), strict=True)
        return Strokes(tuple(ends), INK, arrows=True)
    fine = [np.arange(part[0], part[-1] + gap / 8, gap / PARTS) if len(part) else part for part in (across, along)]
    upright = [_pixels(pose, np.full(len(fine[1]), x), fine[1], transform) for x in across]
    level = [_pixels(pose, fine[0], np.full(len(fine[0]), y), transform) for y in along]
    return Strokes(tuple(line for line in (*upright, *level) if len(line) > 1), INK)


def spacing(length: float) -> float:
    """A round distance (1, 2 or 5 times a power of ten, mm) that fits into a length no more than LINES times."""
    rounds = [digit * 10.0**power for power in range(-1, 3) for digit in (1, 2, 5)]
    return next((mm for mm in rounds if mm * LINES >= length), MOST)


def deformation_line(pose: Pose, drawn: DeformationContent) -> Line:
    """What is drawn."""
    how = drawn.how
    title = DEFORMATIONS[how.style]
    if how.style == "determinant":
        return Line(f"{title} · folds red", ACCENT)
    outline = visible(drawn.extent, pose)
    gap = how.spacing or (spacing(max(outline[2:])) if outline else 0)
    every = f" · every {number(gap)} mm" if gap and how.style != "magnitude" else ""
    return Line(f"{title}{every}", ACCENT)


def deformation_bar(drawn: DeformationContent) -> ColorBar | None:
    """What the colours of a map mean."""
    if drawn.how.style == "magnitude":
        return ColorBar("viridis", "0", number(drawn.largest), "mm")
    return ColorBar("volume change", "0.5", "2", "× volume", "1") if drawn.how.style == "determinant" else None


def _points(samples: Lattice) -> Floats:
    """World positions [rows, columns, 3] of the samples."""
    across, along = np.meshgrid(np.arange(samples.columns) * samples.step[0], np.arange(samples.rows) * samples.step[1])
    frame = samples.frame
    return np.asarray(frame[:3, 3] + across[..., None] * frame[:3, 0] + along[..., None] * frame[:3, 1])


def _pixels(pose: Pose, across: Floats, along: Floats, transform: Transform | None) -> tuple[tuple[float, float], ...]:
    """Pixels of places on the slice (mm along its right and down), each carried by the transform if there is one."""
    plane = pose.plane
    depth = plane.depth(pose.index) * plane.normal
    points = np.asarray(across)[:, None] * plane.right + np.asarray(along)[:, None] * plane.down + depth
    if transform:
        points = points + displacements(transform, points)
    x = (points @ plane.right - pose.across) / pose.scale + pose.width / 2
    y = (points @ plane.down - pose.along) / pose.scale + pose.height / 2
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _coloured(part: Floats, colormap: str, *, overlay: bool = False) -> Colours:
    """RGBA of parts from 0 to 1."""
    table = colour_table(colormap, overlay=overlay).copy()
    table[:, 3] = table[:, 3].astype(int) * OPACITY // 255
    return np.asarray(table[(np.clip(part, 0, 1) * 255 + 0.5).astype(np.uint8)])


def _volume_colours(determinant: Floats) -> Colours:
    """From half (blue) over unchanged (clear) to double (yellow); folds in red."""
    change = np.log2(np.maximum(determinant, 1e-9))
    colours = _coloured((change + 1) / 2, "volume change", overlay=True)
    colours[determinant <= 0] = FOLDED
    return colours
