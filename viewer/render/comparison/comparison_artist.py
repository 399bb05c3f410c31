"""How a slice view shows two images against each other, on whatever grids they lie."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy

from viewer.render.comparison.blending import (
    Picture,
    Slice,
    blend,
    checks,
    composite,
    contours,
    difference,
    two_colours,
)
from viewer.render.comparison.inspection_overlay import line_at
from viewer.render.overlay.overlay import (
    ACCENT,
    DIM,
    TEXT,
    ColorBar,
    Line,
    Wipe,
    color_bars,
    layer_lines,
    mismatches,
    written_date,
)
from viewer.render.planes.pixel_plane import PictureSlice
from viewer.render.planes.reslice import Lattice, PlaneReslice, lattice, visible
from viewer.render.planes.warp import reach
from viewer.render.vtk_bridge import image_of
from viewer.scene.compare.comparison import STYLES, ComparisonPair

if TYPE_CHECKING:
    from collections.abc import Hashable

    from viewer.data.volume import Volume, Window
    from viewer.render.planes.plane import Pose
    from viewer.scene.layer import VolumeLayer

GREEN, MAGENTA = "#58d578", "#e87ae0"  # what the two images are called in, in two colours


class ComparisonArtist:
    """Samples both images on one lattice and draws them as one picture."""

    def __init__(self) -> None:
        self._reslice = PlaneReslice(exact=True)
        self._drawn = PictureSlice()
        self.prop = self._drawn.prop

    def look(self, pose: Pose, seen: ComparisonPair, timepoint: int) -> Hashable:
        """Everything the picture depends on: an equal look needs no new drawing."""
        sides = [
            (layer.volume(timepoint), layer.transform, layer.window, layer.colormap)
            for layer in (seen.fixed, seen.moving)
        ]
        return pose, *sides, replace(seen.how, flicker=False)

    def show(self, pose: Pose, seen: ComparisonPair, timepoint: int) -> None:
        """Bring the prop to the look."""
        samples = _common(pose, (seen.fixed, seen.moving))
        self.prop.SetVisibility(samples is not None)
        if samples is None:
            return
        fixed, moving = (self._slice(layer, layer.volume(timepoint), samples) for layer in (seen.fixed, seen.moving))
        picture = _picture(seen, fixed, moving, samples, pose)
        colours = np.ascontiguousarray(picture * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        self._drawn.show(colours, samples)

    def _slice(self, layer: VolumeLayer, volume: Volume, samples: Lattice) -> Slice:
        self._reslice.sample(image_of(volume.array, layer.world_grid), layer.world_grid, samples, layer.transform)
        self._reslice.filter.Update()
        stored = vtk_to_numpy(self._reslice.filter.GetOutput().GetPointData().GetScalars())
        values = stored.reshape(samples.rows, samples.columns, -1)
        if volume.color:
            return Slice(values.copy(), layer.window)
        physical = values[..., 0] * np.float32(volume.slope) + np.float32(volume.intercept)
        return Slice(physical, layer.window, layer.colormap, volume.inverted)


def comparison_lines(seen: ComparisonPair) -> tuple[Line, ...]:
    """How the two are seen, then the two with their dates and marks."""
    how = seen.how
    lines = [Line(f"{how.alone} image alone".capitalize() if how.alone else STYLES[how.style], ACCENT)]
    if said := "" if how.alone else _detail(seen):
        lines.append(Line(said, DIM))
    lines += mismatches((seen.fixed, seen.moving))
    coloured = how.style == "colour" and not how.alone
    for layer in reversed(seen.shown):
        role, colour = ("Fixed", GREEN) if layer is seen.fixed else ("Moving", MAGENTA)
        named, *marks = layer_lines((layer,), solid=True)
        lines.append(Line(f"{role}: {named.text}", colour if coloured else TEXT))
        if seen.fixed.source.study_date != seen.moving.source.study_date:
            lines.append(Line(written_date(layer.source.shown.study_date) or "date unknown", DIM))
        lines += marks
    return tuple(lines)


def _detail(seen: ComparisonPair) -> str:
    """What must be known to read the style."""
    how = seen.how
    return {
        "blend": f"{how.share:.0%} moving",
        "colour": "grey where they agree",
        "checkerboard": f"fields of {how.square:g} mm",
        "wipe": "fixed left, moving right" if how.upright else "fixed above, moving below",
        "contours": f"edges of the {'fixed' if how.swapped else 'moving'} image",
        "difference": f"moving − fixed, {'one window' if one_window(seen) else 'own windows'}",
    }[how.style]


def comparison_wipe(pose: Pose, seen: ComparisonPair) -> Wipe | None:
    """The line between the two, and the words on either side of it."""
    if seen.how.style != "wipe" or seen.how.alone:
        return None
    at = line_at(pose, seen.how.at, upright=seen.how.upright)
    return Wipe(at, seen.how.upright, Line("fixed", TEXT), Line("moving", TEXT))


def comparison_bars(seen: ComparisonPair) -> tuple[ColorBar, ...]:
    """What the colours mean."""
    if seen.how.alone or seen.how.style in ("blend", "checkerboard", "wipe"):
        return color_bars(seen.shown)
    if seen.how.style == "contours":
        return color_bars((seen.moving if seen.how.swapped else seen.fixed,))
    return (ColorBar("difference", "−100", "+100", "%", "0"),) if seen.how.style == "difference" else ()


def one_window(seen: ComparisonPair) -> Window | None:
    """The fixed image's window, where a difference means the same in both: images of one modality in one unit."""
    fixed, moving = seen.fixed.volumes[0], seen.moving.volumes[0]
    alike = bool(fixed.unit) and fixed.unit == moving.unit and fixed.modality == moving.modality
    return seen.fixed.window if alike else None


def _common(pose: Pose, layers: tuple[VolumeLayer, ...]) -> Lattice | None:
    """Samples over what the screen shows of either image; None where it shows neither."""
    outlines = [visible(layer.world_grid, pose, reach(layer.transform)) for layer in layers]
    found = [np.array(outline) for outline in outlines if outline is not None]
    if not found:
        return None
    start = np.min([outline[:2] for outline in found], axis=0)
    size = np.max([outline[:2] + outline[2:] for outline in found], axis=0) - start
    finest = min(float(layer.world_grid.spacing.min()) for layer in layers) / 2
    return lattice((float(start[0]), float(start[1]), float(size[0]), float(size[1])), max(pose.scale, finest), pose)


def _picture(seen: ComparisonPair, fixed: Slice, moving: Slice, samples: Lattice, pose: Pose) -> Picture:
    """The two in the style of the comparison."""
    how, origin = seen.how, samples.frame[:3, 3]
    across = origin @ pose.plane.right + np.arange(samples.columns) * samples.step[0]
    along = origin @ pose.plane.down + np.arange(samples.rows) * samples.step[1]
    match how.style:
        case "blend":
            return blend(fixed, moving, how.share)
        case "colour":
            return two_colours(fixed, moving)
        case "checkerboard":
            return composite(fixed, moving, checks(across, along, how.square))
        case "wipe":
            line = line_at(pose, how.at, upright=how.upright)
            place = pose.world(line, line)
            beyond = (
                across[None, :] > place @ pose.plane.right if how.upright else along[:, None] > place @ pose.plane.down
            )
            return composite(fixed, moving, np.broadcast_to(beyond, (samples.rows, samples.columns)))
        case "contours":
            return contours(moving, fixed) if how.swapped else contours(fixed, moving)
        case "difference":
            return difference(fixed, moving, one_window(seen))
