"""What keys and menus do while two images are compared and aligned: the panel's verbs are .controller's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtCore import QObject, QTimer

from viewer.scene.compare.comparison import Comparison, Style, comparison_pair
from viewer.scene.compare.deformation_display import Deformation, DeformationStyle
from viewer.scene.edits import ChangeLandmark
from viewer.scene.registration_pair import Pair, pair
from viewer.tools.register.align import nudge_edit, shift, turn
from viewer.ui.widgets.held_key import HeldKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.render.slices.slice_view import SliceView
    from viewer.session.session import Session
    from viewer.ui.register.controller import RegistrationController

TURN = 500  # ms that each image is seen while they flicker: below three flashes a second (WCAG 2.3.1)
TOGETHER = 1000  # ms between two nudges that are one step of the history
NUDGE, NUDGE_TURN = 0.5, np.deg2rad(0.5)  # mm; radians


class ComparisonController(QObject):
    """registration: holds the pair. view: the slice view that the keyboard means."""

    def __init__(self, session: Session, registration: RegistrationController, view: Callable[[], SliceView]) -> None:
        super().__init__()
        self.session, self.state = session, session.state
        self._registration, self._view = registration, view
        self._key = HeldKey()
        self._flicker = QTimer(self, interval=TURN)
        self._flicker.timeout.connect(self.take_turns)
        self._pause = QTimer(self, interval=TOGETHER, singleShot=True)
        self._nudges = 0  # gestures of nudging so far
        self.state.events.comparison.connect(self._follow)

    @property
    def pair(self) -> Pair | None:
        """The fixed and the moving image that are meant."""
        return pair(self.session.document, self.state)

    @property
    def now(self) -> Comparison | None:
        """How the two are compared; None while the layers are shown as they are."""
        return self.state.comparison if comparison_pair(self.session.document, self.state.comparison) else None

    def possible(self) -> bool:
        """Whether two images are there to be compared."""
        return bool(self._registration.pair_inputs)

    def is_on(self, style: Style) -> bool:
        """Whether they are compared in that style."""
        return self.now is not None and self.now.style == style

    def flip(self, style: Style) -> None:
        """Compare in a style, or no more where that is on."""
        if self.is_on(style):
            self.state.comparison = None
        else:
            self._registration.compare(style)

    def turn_line(self) -> None:
        """Turn the wipe's line: upright, or lying."""
        if self.now:
            self.state.comparison = replace(self.now, upright=not self.now.upright)

    # ---- one image alone
    def flickers(self) -> bool:
        """Whether they take turns by themselves."""
        return self.now is not None and self.now.flicker

    def flip_flicker(self) -> None:
        """Let the two take turns, or stop that."""
        if self.now is None:
            self._registration.compare("blend")
        if self.now:
            self.state.comparison = replace(self.now, flicker=not self.now.flicker, alone="")

    def take_turns(self) -> None:
        """Show the other of the two alone."""
        if self.now:
            self.state.comparison = replace(self.now, alone="moving" if self.now.alone != "moving" else "fixed")

    def hold(self, alone: Literal["fixed", "moving"]) -> None:
        """Show one image alone until a key is let go; then as it was before."""
        found, before = self.pair, self.state.comparison
        if found is None or (self.now and self.now.alone):
            return
        self._key.hold(lambda: setattr(self.state, "comparison", before))
        start = self.now or Comparison(found[0].id, found[1].id)
        self.state.comparison = replace(start, alone=alone, flicker=False)

    # ---- by hand
    def can_nudge(self) -> bool:
        """Whether arrow keys move the moving image: the align tool is chosen."""
        return self.state.tool == "align" and self.pair is not None

    def nudge(self, right: float, down: float, forward: float) -> None:
        """Shift the moving image by so many steps of NUDGE mm in the slice of the active view."""
        plane = self._view().plane
        if plane:
            self._nudge(shift(NUDGE * (right * plane.right + down * plane.down + forward * plane.normal)))

    def nudge_turn(self, steps: float) -> None:
        """Turn it by steps of NUDGE_TURN about the cross-hair in the active view's slice, clockwise if positive."""
        plane = self._view().plane
        if plane:
            self._nudge(turn(plane.forward, steps * NUDGE_TURN, self.state.crosshair))

    # ---- landmarks
    def has_landmark(self) -> bool:
        """Whether a pair of landmarks is chosen."""
        return self.session.document.landmarks.find(self.state.landmark) is not None

    def remove_landmark(self) -> None:
        """Remove the chosen pair, as one step."""
        pairs = self.session.document.landmarks
        chosen = pairs.find(self.state.landmark)
        if chosen:
            self.session.history.do(ChangeLandmark(chosen, None, pairs.index(chosen.id)))

    def next_landmark(self, step: int) -> None:
        """Choose the next pair and go there."""
        found = self.pair
        pairs = self.session.document.landmarks.of(found[0].id, found[1].id) if found else ()
        if pairs:
            places = [place for place, one in enumerate(pairs) if one.id == self.state.landmark]
            one = pairs[((places[0] if places else -(step > 0)) + step) % len(pairs)]
            self.state.landmark, self.state.crosshair = one.id, one.fixed

    # ---- the transform itself
    def can_draw(self) -> bool:
        """Whether the moving image has a transform."""
        return self._registration.transform is not None

    def draws(self, style: DeformationStyle) -> bool:
        """Whether that is drawn in this style."""
        return self.state.deformation is not None and self.state.deformation.style == style

    def flip_deformation(self, style: DeformationStyle) -> None:
        """Draw the moving image's transform, or draw it no longer."""
        moving = self._registration.moving
        self.state.deformation = Deformation(moving.id, style) if moving and not self.draws(style) else None

    # ---- within
    def _nudge(self, motion: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
        found = self.pair
        if found is None:
            return
        self._nudges += not self._pause.isActive()
        self._pause.start()
        self.session.history.do(nudge_edit(found[1], motion, f"nudge {self._nudges}"))

    def _follow(self, comparison: Comparison | None) -> None:
        """Start and stop the turns; at their end both are seen again."""
        flickers = comparison is not None and comparison.flicker
        if flickers and not self._flicker.isActive():
            self._flicker.start()
        elif not flickers and self._flicker.isActive():
            self._flicker.stop()
            if comparison is not None and comparison.alone and not self._key.held:
                self.state.comparison = replace(comparison, alone="")
