"""How a slice view shows a result against its input, and a drawn region with what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkPlane

from viewer.compute.images.region_statistics import RegionStatistics, measure
from viewer.data.annotations.region import Point, Region
from viewer.data.transform import Transform
from viewer.render.overlay.overlay import ACCENT, AI, REGION, TEXT, Line, Outline, Wipe, layer_lines, number
from viewer.scene.compare.inspection import Inspection, InspectionPair, input_of

if TYPE_CHECKING:
    from viewer.data.volume import Volume
    from viewer.render.planes.plane import Pose
    from viewer.scene.document import Document
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.view_state import ViewState

Asked = tuple[Region, Transform | None]  # what was measured, and where the image lay
SHORE = 16  # px that the wipe's line keeps from the edges of a view: it can always be taken hold of


def wipe_at(pose: Pose, inspection: Inspection) -> float | None:
    """Where the wipe's line is: pixels from the left where it is upright, else from the top; None without one."""
    if inspection.mode != "wipe" or inspection.flipped:
        return None
    return line_at(pose, inspection.at, upright=inspection.upright)


def line_at(pose: Pose, at: Point, *, upright: bool) -> float:
    """Where a wipe's line through a place is: pixels from the left where it is upright, else from the top."""
    x, y = pose.pixel(at)
    place, room = (x, pose.width) if upright else (y, pose.height)
    return float(min(max(place, SHORE), max(room - SHORE, SHORE)))


def wipe_face(pose: Pose, inspection: Inspection) -> Any | None:
    """The vtkPlane that leaves of the result what is right of the line, or below it."""
    at = wipe_at(pose, inspection)
    if at is None:
        return None
    face = vtkPlane()
    face.SetOrigin(*(pose.world(at, 0) if inspection.upright else pose.world(0, at)))
    face.SetNormal(*(pose.plane.right if inspection.upright else pose.plane.down))
    return face


def wipe_line(pose: Pose, seen: InspectionPair) -> Wipe | None:
    """The line and the words on either side of it."""
    at = wipe_at(pose, seen.how)
    learned = _learned(seen.result)
    after = Line("AI result" if learned else "result", AI if learned else ACCENT)
    return None if at is None else Wipe(at, seen.how.upright, Line("input", TEXT), after)


def inspection_lines(seen: InspectionPair) -> tuple[Line, ...]:
    """How the two are seen, then the images that are, with their marks."""
    how = seen.how
    sides = "left, result right" if how.upright else "above, result below"
    said = {
        "blend": f"Blend · {how.blend:.0%} result",
        "wipe": f"Wipe · input {sides}",
        "difference": "Difference · result − input",
    }[how.mode]
    if how.flipped:
        said = "Input alone, while the key is held"
    return Line(said, ACCENT), *layer_lines(seen.shown, solid=True)


def _learned(layer: VolumeLayer) -> bool:
    made = layer.volumes[0].provenance
    return made is not None and made.learned


class RegionReader:
    """Measures the region in the images of one view; what was measured is kept while nothing changes."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Volume, tuple[Asked, RegionStatistics | None]] = WeakKeyDictionary()

    def outline(
        self, pose: Pose, document: Document, state: ViewState, shown: tuple[VolumeLayer, ...]
    ) -> Outline | None:
        """What this slice cuts of the drawn region, with the numbers where it lies in the slice."""
        region, plane = state.region, pose.plane
        corners = region.cut(plane.normal, plane.depth(pose.index)) if region else ()
        if region is None or not len(corners):
            return None
        flat = abs(float(np.dot(region.normal, plane.normal))) > 0.99
        lines = self._lines(region, document, state, shown) if flat else ()
        return Outline(tuple(pose.pixel(corner) for corner in corners), lines)

    def _lines(
        self, region: Region, document: Document, state: ViewState, shown: tuple[VolumeLayer, ...]
    ) -> tuple[Line, ...]:
        """The active image's numbers, after its input's where it is a result; its size where it holds any voxel."""
        layer, timepoint = next((one for one in shown if one.id == state.active), shown[-1]), state.timepoint
        given = input_of(document, layer)
        rows = [("input", given, layer.made_at), ("result", layer, timepoint)] if given else [("", layer, timepoint)]
        lines, size = [], ""
        for word, one, time in rows:
            found = self._measured(one, time, region) if one and one.loaded >= 1 else None
            if one is None or found is None:
                continue
            unit = one.volumes[0].unit
            numbers = f"mean {number(found.mean)}  SD {number(found.sd)} {unit if unit != '1' else ''}".strip()
            lines.append(Line(f"{word} {numbers}".strip(), REGION))
            size = f"{number(found.area)} mm² · {found.voxels} voxels"
        return (*lines, Line(size, REGION)) if size else ()

    def _measured(self, layer: VolumeLayer, timepoint: int, region: Region) -> RegionStatistics | None:
        volume, asked = layer.volume(timepoint), (region, layer.transform)
        known = self._known.get(volume)
        if known is None or known[0] != asked:
            placed = layer.in_world(timepoint)
            known = self._known[volume] = asked, measure(placed, region) if placed else None
        return known[1]
