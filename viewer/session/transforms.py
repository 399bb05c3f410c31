"""The verbs that say where images stand: computed, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from viewer.data.transform import End, Transform
from viewer.io import requests
from viewer.io.reader.reader import Reader
from viewer.scene.layer import VolumeLayer
from viewer.scene.task import Message, Task
from viewer.session.runs.placement import between, placed_by
from viewer.session.workspace import Workspace


class Aligning(Workspace):
    """A workspace whose images can be placed by transforms from files and computations. LPS mm throughout."""

    reader: Reader

    def align_by(self, layer: VolumeLayer, title: str, make: Callable[[], Transform]) -> Task:
        """Compute a transform (world to image) in the background, and place the image by it: one step of the history.

        make: raises ValueError, one sentence for the user, where it cannot be done.
        """
        task = self.add_task("run", f"{title}: {layer.name}")
        task.begin()
        self.aside(task, self._align_by, task, layer, make)
        return task

    def _align_by(self, task: Task, layer: VolumeLayer, make: Callable[[], Transform]) -> None:
        try:
            made = make()
        except ValueError as error:
            self.post(partial(self.fail, task, str(error)))
            return
        self.keep((), [made])

        def place() -> None:
            self.align(layer, made)
            task.end("done")

        self.post(place)

    def save_transform(self, moving: VolumeLayer, fixed: VolumeLayer, target: Path, *, overwrite: bool = False) -> Task:
        """Write the transform that takes points of the fixed to points of the moving image, as they stand in the world.

        The ending chooses the form: .tfm, .txt or .h5 (ITK), .nii, .nii.gz, .nrrd or .mha (a displacement field on the
        fixed image's grid), .dcm (DICOM Spatial or Deformable Spatial Registration). A JSON beside it holds provenance
        and sign-off. "Saved" is said only after it was read back and compared.
        """
        task = self.add_task("save", f"Save the registration of {moving.name}")
        task.begin()
        self.aside(task, self._save_transform, task, moving, fixed, target, overwrite)
        return task

    def _save_transform(
        self, task: Task, moving: VolumeLayer, fixed: VolumeLayer, target: Path, overwrite: bool
    ) -> None:
        try:
            transform = between(fixed, moving)
        except ValueError as error:
            self.post(partial(self.fail, task, str(error)))
            return

        def done(said: str) -> None:
            task.end("done")
            self.message.emit(Message(f"Saved and verified: {target.name}. {said}".strip()))

        arguments = (transform, target, _end(fixed), _end(moving), overwrite)
        self.reader.call(requests.save_transform, *arguments, done=done, failed=partial(self.fail, task))

    def load_transform(self, moving: VolumeLayer, fixed: VolumeLayer, path: Path) -> Task:
        """Place the moving image on the fixed one by a transform from a file of any form that save_transform writes."""
        task = self.add_task("load", f"Load {path.name}")
        task.begin()

        def done(found: Transform) -> None:
            if task.running:
                self.aside(task, self._align_by, task, moving, lambda: placed_by(found, fixed))

        running = self.reader.call(
            requests.load_transform,
            path,
            _end(fixed),
            _end(moving),
            done=done,
            failed=partial(self.fail, task),
        )

        def stop() -> None:
            running.cancel()
            task.end("cancelled")

        task.stop = stop
        return task


def _end(layer: VolumeLayer) -> End:
    return End(layer.volumes[0].grid, layer.source)
