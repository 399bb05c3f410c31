"""What the tools that give prompts share: for which segment, with which sign, and the prompt that a click means."""

from __future__ import annotations

from dataclasses import replace
from math import hypot
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.data.annotations.prompts import Prompt, PromptKind
from viewer.render.overlay.prompt_marks import prompt_marks
from viewer.tools.segment.paint_tool import PaintTarget, find_paint_target, slices_of
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.annotations.region import Point
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
        self._goal = None
        if shown is None:
            return None
        goal = find_paint_target(self.document, self.state)
        if isinstance(goal, str):
            self._warn(goal)
            return None
        self._goal, self.positive = goal, self.state.prompting.positive != ("alt" in event.modifiers)
        return shown

    def give(self, kind: PromptKind, places: Sequence[Point], radius: float = 0.0) -> None:
        """Give the segment a prompt. places: LPS mm of the world; radius: mm."""
        goal, self._goal = self._goal, None
        if goal is None or self.services is None:
            return
        if goal.image is None:
            self._warn(f"{goal.layer.name} has no image: there is nothing to find a structure in.")
            return
        prompt = Prompt(kind, tuple(goal.layer.own_place(place) for place in places), self.positive, radius)
        masking = replace(self.state.masking, overlap=self.state.prompting.overlap)
        self.services.give_prompt(goal.layer, goal.segment.key, prompt, goal.image, masking)

    def choose_near(self, view: SliceView, event: MouseEvent) -> bool:
        """Choose the prompt under the mouse; False where there is none."""
        pose, goal = view.pose, self._goal
        if pose is None or goal is None:
            return False
        places = [
            (hypot(event.x - x, event.y - y), mark.id)
            for mark in prompt_marks(goal.layer, self.state.prompt, pose)
            for x, y in mark.places
        ]
        distance, found = min(places, default=(NEAR + 1, ""))
        self.state.prompt = found if distance <= NEAR else ""
        return distance <= NEAR

    def _warn(self, text: str) -> None:
        if self.services:
            self.services.warn(text)
