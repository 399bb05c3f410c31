"""A case on its way to the screen: its image first, then the segments over it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.data.study import Image, Source
from viewer.data.transform import ImageReference
from viewer.io import requests
from viewer.io.errors import OpenError
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.session.review.case_images import case_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.data.arrays import ProgressCallback
    from viewer.data.segmentation import Segmentation
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.task import Task
    from viewer.scene.worklist import Case, Worklist
    from viewer.session.session import Session


class CaseLoader:
    """have: gets the layer of the segments once it is there. Where the list is blinded no name comes to the screen."""

    def __init__(
        self, session: Session, worklist: Worklist, case: Case, have: Callable[[SegmentationLayer], None]
    ) -> None:
        self.session, self.worklist, self.case = session, worklist, case
        self.name = worklist.name(case.id)
        self.tasks: list[Task] = []
        self._have, self._wanted = have, True

        def call(tell: ProgressCallback) -> list[Image]:
            try:
                return case_images(worklist.root / case.image, worklist.root / case.segmentation, session.reader)
            except OpenError as error:
                raise OpenError(self._why(str(error))) from error

        self.tasks.append(session.background.ask(f"Open {self.name}", call, self._load))

    def cancel(self) -> None:
        """Nothing of it comes any more."""
        self._wanted = False
        for task in self.tasks:
            task.cancel()

    def _load(self, images: list[Image]) -> None:
        image = images[0]
        if len(images) > 1:
            self.session.messages.warn(
                f"{self.name} has {len(images)} images: the largest is shown; a table (CSV) can name one."
            )
        shown = _unnamed_image(image, self.name) if self.worklist.blinded else image
        task = self.session.studies.load(shown)
        self.tasks.append(task)

        def ended(state: str) -> None:
            layers = self.session.document.volume_layers
            layer = next((one for one in layers if one.image and one.image.key == shown.key), None)
            if state == "done" and self._wanted and layer is not None:
                self._label(layer, image.source)

        task.events.state.connect(ended)
        ended(task.state)

    def _label(self, layer: VolumeLayer, source: Source) -> None:
        """The segments as they were left, else as the list gives them, else none."""
        if not self.case.saved and not self.case.segmentation:
            self._have(self.session.segments.new_layer(layer, f"Segments of {self.name}"))
            return
        saved, given = self.worklist.output / self.case.saved, self.worklist.root / self.case.segmentation
        task = self.session.tasks.add("load", f"Open the segments of {self.name}")
        task.begin()
        self.tasks.append(task)

        def done(found: Segmentation) -> None:
            if not task.running:
                return
            if source.patient_match(found.source) == "different":
                self.session.tasks.fail(
                    task, "The segments are of another patient than the image: check the task list."
                )
            elif self.case.given:
                end, alone = (partial(ends, task, layer, found) for ends in (self._lay, self._lay_alone))
                self._read(task, layer, self.worklist.output / self.case.given, end, alone)
            else:
                self._lay(task, layer, found, None if self.case.saved else found)

        fail = lambda reason: self.session.tasks.fail(task, self._why(reason))  # noqa: E731
        self._read(task, layer, saved if self.case.saved else given, done, fail)

    def _read(
        self,
        task: Task,
        layer: VolumeLayer,
        path: Path,
        done: Callable[[Segmentation], None],
        failed: Callable[[str], None],
    ) -> None:
        images = [ImageReference(layer.grid, layer.source)]
        running = self.session.reader.call(requests.read_segmentation, path, images, done=done, failed=failed)
        task.stop_with(running.cancel)

    def _lay_alone(self, task: Task, layer: VolumeLayer, found: Segmentation, reason: str) -> None:
        self.session.messages.warn(f"What was given for {self.name} cannot be compared any more: {self._why(reason)}")
        self._lay(task, layer, found, None)

    def _why(self, reason: str) -> str:
        """Reasons name files."""
        blinded = self.worklist.blinded
        return f"{self.name} cannot be opened: look why with the names shown." if blinded else reason

    def _lay(self, task: Task, image: VolumeLayer, found: Segmentation, given: Segmentation | None) -> None:
        if self.worklist.blinded:
            found = replace(found, name=f"Segments of {self.name}", source=_unnamed(found.source))
        layer = segmentation_layer(found, image if image.grid.matches(found.grid) else None)
        layer.saved = 0

        def show(kept: GivenLabels | None) -> None:
            if self._wanted and task.running:
                layer.given = kept
                self.session.segments.add_layer(layer)
                self._have(layer)
                task.end("done")

        there = given if given is not None and given.grid.matches(found.grid) else None
        pack = lambda tell: GivenLabels.of(there) if there is not None else None  # noqa: E731
        self.session.background.call("work", pack, show)


def _unnamed_image(image: Image, name: str) -> Image:
    return replace(image, name=name, source=_unnamed(image.source), second=None)


def _unnamed(source: Source) -> Source:
    """What of a source tells nothing of whose it is."""
    told = ("modality", "body_part", "contrast_agent", "view_position", "photometric", "burned_in")
    kept = (*told, "files", "dicom", "placement")
    return Source(**{name: getattr(source, name) for name in kept})
