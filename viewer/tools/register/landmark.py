"""Set pairs of landmarks in the fixed and the moving image, and move them."""

from __future__ import annotations

from dataclasses import replace
from math import hypot
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from PySide6.QtCore import Qt

from viewer.render.comparison.landmark_marks import shown_pairs
from viewer.render.slices.slice_view import SliceView
from viewer.scene.edits import ChangeLandmark
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import VolumeLayer
from viewer.scene.registration_pair import pair
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.render.planes.plane import Pose
    from viewer.render.view import MouseEvent, View

NEAR = 9.0  # px
PairEnd = Literal["fixed", "moving"]


class LandmarkTool(Tool):
    """A click sets a pair: its place in the fixed image, and the same for the moving one as it lies now.

    The ends are dragged apart to where they belong. Where the moving image is seen alone (side by side, or held), a
    click puts the moving end of the pair that was set last, or is chosen, there.
    """

    id = "landmark"
    title = "Landmarks"
    icon = "map-pin-add-line"
    key = "K"
    tip = "Click a place in the fixed image, then the same place in the moving one; drag a mark to correct it"
    cursor = Qt.CursorShape.CrossCursor
    _held: tuple[str, PairEnd] | None = None
    _gesture = ""

    def press(self, view: View, event: MouseEvent) -> None:
        """Take hold of the landmark under the mouse, set a pair, or set the moving image's end of the chosen one."""
        found, pose = pair(self.document, self.state), view.pose if isinstance(view, SliceView) else None
        self._held, self._gesture = None, uuid4().hex
        if found is None or pose is None or not isinstance(view, SliceView):
            return
        fixed, moving = found
        ends = _ends(view, fixed, moving)
        place = _place(pose, event)
        near = self._near(view, pose, event, ends)
        chosen = self.document.landmarks.find(self.state.landmark)
        if near:
            self._held = near
            self.state.landmark = near[0]
        elif ends == ("moving",) and chosen and chosen.of == (fixed.id, moving.id):
            self._held = chosen.id, "moving"
            self._move_end(chosen, "moving", place, moving)
        elif "fixed" in ends:
            self._add(fixed, moving, place)

    def drag(self, view: View, event: MouseEvent, dx: float, dy: float) -> None:
        """Move the point that is held."""
        pose = view.pose if isinstance(view, SliceView) else None
        one = self.document.landmarks.find(self._held[0]) if self._held else None
        moving = self.document.find(one.of[1]) if one else None
        if self._held and pose and one and isinstance(moving, VolumeLayer):
            self._move_end(one, self._held[1], _place(pose, event), moving)

    def _move_end(self, one: LandmarkPair, end: PairEnd, place: Point, moving: VolumeLayer) -> None:
        moved = replace(one, fixed=place) if end == "fixed" else replace(one, moving=moving.own_place(place))
        self.edit(ChangeLandmark(one, moved, self.document.landmarks.index(one.id), self._gesture))

    def _add(self, fixed: VolumeLayer, moving: VolumeLayer, place: Point) -> None:
        pairs, of = self.document.landmarks, (fixed.id, moving.id)
        one = LandmarkPair(of, pairs.free_name(*of), place, moving.own_place(place))
        self.edit(ChangeLandmark(None, one, len(pairs)))
        self.state.landmark = one.id

    def _near(
        self, view: SliceView, pose: Pose, event: MouseEvent, ends: tuple[PairEnd, ...]
    ) -> tuple[str, PairEnd] | None:
        """The end of a pair under the mouse; the moving one where both are."""
        close: list[tuple[float, str, PairEnd]] = []
        for mark in shown_pairs(view.document, view.state, view.shown, pose):
            for end in ends:
                x, y = mark.moving if end == "moving" else mark.fixed
                close.append((hypot(event.x - x, event.y - y) + (end == "fixed"), mark.id, end))
        distance, found, side = min(close, default=(NEAR + 1, "", "fixed"))
        return (found, side) if distance <= NEAR else None


def _ends(view: SliceView, fixed: VolumeLayer, moving: VolumeLayer) -> tuple[PairEnd, ...]:
    """The ends of pairs that a view shows the places of."""
    shown = view.shown
    return (*(("fixed",) if fixed in shown else ()), *(("moving",) if moving in shown else ()))


def _place(pose: Pose, event: MouseEvent) -> Point:
    x, y, z = (float(mm) for mm in pose.world(event.x, event.y))
    return x, y, z
