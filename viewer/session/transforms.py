"""The verbs that say where images stand: computed, saved and loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from viewer.data.transform import ImageReference, SignOff, Transform
from viewer.io import requests
from viewer.scene.edits import AlignLayer
from viewer.scene.task import Message, Task
from viewer.session.runs.placement import transform_between, world_transform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.io.reader.reader import Reader
    from viewer.scene.history import History
    from viewer.scene.layer import VolumeLayer
    from viewer.session.background import Background
    from viewer.session.journal import SessionJournal
    from viewer.session.tasks import Messages, Tasks


@dataclass(eq=False)
class Transforms:
    """Images can be placed by transforms from files and computations. LPS mm throughout."""

    history: History
    reader: Reader
    journal: SessionJournal
    background: Background
    tasks: Tasks
    messages: Messages

    def align(self, layer: VolumeLayer, transform: Transform | None, *, gesture: str = "") -> None:
        """Place an image by another transform (world to image), None for where its file puts it.

        One step of the history; the steps of one gesture are one. Large fields are written to the journal here: see
        SessionJournal.store.
        """
        if transform is not layer.transform:
            self.history.do(AlignLayer(layer, layer.transform, transform, gesture))

    def sign_off(self, layer: VolumeLayer, verdict: Literal["accepted", "rejected"], reader: str, remark: str) -> None:
        """Say of the registration that places an image whether it may be used.

        Raises ValueError where there is none.
        """
        if layer.transform is None:
            raise ValueError(f"{layer.name} is where its file puts it: there is no registration to sign off.")
        said = SignOff(verdict, reader, remark, datetime.now().astimezone().isoformat(timespec="seconds"))
        self.align(layer, replace(layer.transform, sign_off=said))

    def align_by(self, layer: VolumeLayer, title: str, make: Callable[[], Transform]) -> Task:
        """Compute a transform (world to image) in the background, and place the image by it: one step of the history.

        make: raises ValueError, one sentence for the user, where it cannot be done.
        """
        task = self.tasks.add("run", f"{title}: {layer.name}")
        task.begin()
        self.background.run(task, self._align_by, task, layer, make)
        return task

    def _align_by(self, task: Task, layer: VolumeLayer, make: Callable[[], Transform]) -> None:
        try:
            made = make()
        except ValueError as error:
            self.background.fail(task, str(error))
            return
        self.journal.store((), [made])

        def place() -> None:
            self.align(layer, made)
            task.end("done")

        self.background.post(place)

    def save(self, moving: VolumeLayer, fixed: VolumeLayer, target: Path, *, overwrite: bool = False) -> Task:
        """Write the transform that takes points of the fixed to points of the moving image, as they stand in the world.

        The ending chooses the form: .tfm, .txt or .h5 (ITK), .nii, .nii.gz, .nrrd or .mha (a displacement field on the
        fixed image's grid), .dcm (DICOM Spatial or Deformable Spatial Registration). A JSON beside it holds provenance
        and sign-off. "Saved" is said only after it was read back and compared.
        """
        task = self.tasks.add("save", f"Save the registration of {moving.name}")
        task.begin()
        self.background.run(task, self._save, task, moving, fixed, target, overwrite)
        return task

    def _save(self, task: Task, moving: VolumeLayer, fixed: VolumeLayer, target: Path, overwrite: bool) -> None:
        try:
            transform = transform_between(fixed, moving)
        except ValueError as error:
            self.background.fail(task, str(error))
            return

        def done(said: str) -> None:
            task.end("done")
            self.messages.add(Message(f"Saved and verified: {target.name}. {said}".strip()))

        arguments = (transform, target, _end(fixed), _end(moving), overwrite)
        self.reader.call(
            requests.save_transform,
            *arguments,
            done=done,
            failed=partial(self.tasks.fail, task),
        )

    def load(self, moving: VolumeLayer, fixed: VolumeLayer, path: Path) -> Task:
        """Place the moving image on the fixed one by a transform from a file of any form that `save` writes."""
        task = self.tasks.add("load", f"Load {path.name}")
        task.begin()

        def done(found: Transform) -> None:
            if task.running:
                self.background.run(task, self._align_by, task, moving, lambda: world_transform(found, fixed))

        running = self.reader.call(
            requests.load_transform,
            path,
            _end(fixed),
            _end(moving),
            done=done,
            failed=partial(self.tasks.fail, task),
        )
        task.stop_with(running.cancel)
        return task


def _end(layer: VolumeLayer) -> ImageReference:
    return ImageReference(layer.volumes[0].grid, layer.source)
