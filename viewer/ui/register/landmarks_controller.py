"""What is done with the landmarks of two images: set, renamed, removed, fitted to, saved and loaded."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.compute.registration.landmark_fit import Fit, fit
from viewer.io import requests
from viewer.scene.edits import ChangeLandmark, CompositeEdit
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.task import Message
from viewer.ui.widgets import text_format

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.data.annotations.landmarks import Landmarks
    from viewer.ui.register.controller import RegistrationController

TOOL = "landmark"
FITS: dict[Fit, str] = {
    "rigid": "Rigid",
    "similarity": "Rigid and one scale",
    "affine": "Affine",
    "spline": "Thin-plate spline",
}


class LandmarksController:
    """The verbs; the pair of images is the panel's."""

    def __init__(self, controller: RegistrationController) -> None:
        self.controller, self.session, self.state = controller, controller.session, controller.state

    @property
    def chosen(self) -> LandmarkPair | None:
        """The pair that is chosen in the views and in the table."""
        return next((pair for pair in self.controller.pairs if pair.id == self.state.landmark), None)

    def set_pairs(self) -> None:
        """Take the tool that sets them, and see each image alone beside the other."""
        if self.controller.fixed and self.controller.moving:
            self.state.tool = TOOL
            self.state.compared = (self.controller.fixed.id, self.controller.moving.id)
            self.state.layout = "compare"

    def go(self, pair: LandmarkPair) -> None:
        """Every view goes to its place in the fixed image."""
        self.state.landmark, self.state.crosshair = pair.id, pair.fixed

    def rename(self, pair: LandmarkPair, name: str) -> None:
        """Give a pair another name, as one step; an empty one changes nothing."""
        if name not in ("", pair.name):
            self.session.history.do(ChangeLandmark(pair, replace(pair, name=name), self._place(pair)))

    def remove(self) -> None:
        """Take the chosen pair away."""
        if pair := self.chosen:
            self.session.history.do(ChangeLandmark(pair, None, self._place(pair)))

    def fit(self, kind: Fit) -> None:
        """Place the moving image by the landmarks."""
        fixed, moving, landmarks = self.controller.fixed, self.controller.moving, self.controller.landmarks
        if fixed and moving:
            grid = fixed.volumes[0].grid
            name = f"{FITS[kind]} fit to {text_format.count(len(landmarks.fixed), 'landmark')}"
            self.session.transforms.align_by(
                moving, "Fit to landmarks", lambda: replace(fit(landmarks, kind, grid), name=name)
            )

    def save(self, target: Path) -> None:
        """Write the pairs; the ending says how."""
        task = self.session.tasks.add("save", f"Save landmarks as {target.name}")
        task.begin()

        def done(written: tuple[Path, ...]) -> None:
            task.end("done")
            self.session.messages.add(Message(f"Landmarks saved: {', '.join(path.name for path in written)}."))

        failed = partial(self.session.tasks.fail, task)
        self.session.reader.call(requests.write_landmarks, self.controller.landmarks, target, done=done, failed=failed)

    def load(self, path: Path) -> None:
        """Add the pairs of a file to those of the two images: one step of the history."""
        if not (self.controller.fixed and self.controller.moving):
            return
        of = self.controller.fixed.id, self.controller.moving.id
        task = self.session.tasks.add("load", f"Load landmarks from {path.name}")
        task.begin()

        def done(found: Landmarks) -> None:
            first = len(self.session.document.landmarks)
            names = found.names or tuple(f"L{n}" for n in range(1, len(found.fixed) + 1))
            points = zip(names, found.fixed.tolist(), found.moving.tolist(), strict=True)
            pairs = [LandmarkPair(of, name, tuple(here), tuple(there)) for name, here, there in points]
            edits = tuple(ChangeLandmark(None, pair, first + n) for n, pair in enumerate(pairs))
            self.session.history.do(CompositeEdit(f"Load {text_format.count(len(pairs), 'landmark')}", edits))
            task.end("done")
            for sentence in found.warnings:
                self.session.messages.warn(f"{path.name}: {sentence}")

        failed = partial(self.session.tasks.fail, task)
        self.session.reader.call(requests.read_landmarks, path, done=done, failed=failed)

    def _place(self, pair: LandmarkPair) -> int:
        return self.session.document.landmarks.index(pair.id)
