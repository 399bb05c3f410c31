"""What the tools that give prompts share: for which segment, with which sign, and the prompt that a click means."""

from __future__ import annotations

from dataclasses import replace
from math import hypot
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.data.annotations.prompts import Prompt, PromptKind
from viewer.scene.active_image import active_image
from viewer.tools.segment.paint_tool import PaintTarget, chosen_segmentation, find_paint_target, slices_of
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from viewer.data.annotations.region import Point
    from viewer.render.overlay.prompt_marks import PromptMark
    from viewer.render.slices.slice_view import SliceView
    from viewer.render.view import MouseEvent, View

NEAR = 7.0  # px


class PromptTool(Tool):
    """Alt turns the sign over."""

    cursor = Qt.CursorShape.CrossCursor
    gestures = frozenset({"alt+left"})
    positive = True
    _goal: PaintTarget | None = None

    def begin(self, view: View, event: MouseEvent) -> SliceView | None:
        """The view, where a prompt can be given in it for the chosen segment; else it is said why not."""
        shown = slices_of(view)
        return shown if shown is not None and self.take_up(event) else None

    def take_up(self, event: MouseEvent) -> PaintTarget | None:
        """The segment that the next prompt is for, and its sign; else it is said why there is none.

        Of an image without a segmentation it is the first of one that comes with the prompt's mask.
        """
        goal = self._first_target() or find_paint_target(self.document, self.state)
        self._goal = None if isinstance(goal, str) else goal
        self.positive = self.state.prompting.positive != ("alt" in event.modifiers)
        if isinstance(goal, str):
            self.warn(goal)
        return self._goal

    def _first_target(self) -> PaintTarget | None:
        image = active_image(self.document, self.state)
        if image is None or self.services is None or chosen_segmentation(self.document, self.state) is not None:
            return None
        layer = self.services.first_layer(image)
        return PaintTarget(layer, layer.segmentation.segments[0], image.volume(self.state.timepoint))

    def give(self, kind: PromptKind, places: Sequence[Point], radius: float = 0.0) -> None:
        """Give the segment a prompt. places: LPS mm of the world; radius: mm."""
        goal, self._goal = self._goal, None
        if goal is None or self.services is None:
            return
        if goal.image is None:
            self.warn(f"{goal.layer.name} has no image: there is nothing to find a structure in.")
            return
        prompt = Prompt(kind, tuple(goal.layer.own_place(place) for place in places), self.positive, radius)
        masking = replace(self.state.masking, overlap=self.state.prompting.overlap)
        self.services.give_prompt(goal.layer, goal.segment.key, prompt, goal.image, masking)

    def choose_near(self, marks: Iterable[PromptMark], event: MouseEvent) -> bool:
        """Choose the prompt under the mouse, of those that a view shows; False where there is none."""
        places = [(hypot(event.x - x, event.y - y), mark.id) for mark in marks for x, y in mark.places]
        distance, found = min(places, default=(NEAR + 1, ""))
        self.state.prompt = found if distance <= NEAR else ""
        return distance <= NEAR

    def warn(self, text: str) -> None:
        """Tell the person at the screen, in one sentence."""
        if self.services:
            self.services.warn(text)
