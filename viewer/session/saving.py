"""Images to files, and what would be lost if the session ended now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from viewer.io import requests
from viewer.scene.layer import Layer, VolumeLayer, exported
from viewer.scene.task import Message, Task

if TYPE_CHECKING:  # pydicom, SimpleITK and scipy come with it: not before the window is there
    from pathlib import Path

    from viewer.io.images.save import Format, SaveReport
    from viewer.io.reader.reader import Reader
    from viewer.scene.document import Document
    from viewer.session.projects import Projects
    from viewer.session.tasks import Messages, Tasks


@dataclass(eq=False)
class Saving:
    """Files are written by the reader's processes (viewer.io.images.save)."""

    document: Document
    reader: Reader
    projects: Projects
    tasks: Tasks
    messages: Messages

    def save(self, layer: VolumeLayer, target: Path, format: Format, *, overwrite: bool = False) -> Task:
        """Write a layer; "saved" is said only after it was read back and compared."""
        task = self.tasks.add("save", f"Save {layer.name}")
        task.about = layer.id
        if layer.loaded < 1:
            self.tasks.fail(task, f"{layer.name} is not whole yet: wait until it is loaded, then save it again.")
            return task
        task.begin()

        def done(saved: SaveReport) -> None:
            task.end("done")
            moved = ["Its voxels lie where its own file puts them: resample it to save them moved."] * bool(
                layer.transform
            )
            text = f"Saved and verified: {target.name}, {saved.bytes / 2**20:.1f} MB. {' '.join([*saved.note, *moved])}"
            self.messages.add(Message(text.strip()))

        mark = "" if layer.review == "source" else layer.badges[0]
        arguments = (exported(layer), target, format, mark, overwrite)
        failed = partial(self.tasks.fail, task)
        running = self.reader.call(requests.save_image, *arguments, done=done, failed=failed)
        task.stop_with(running.cancel)
        return task

    def unsaved(self) -> list[Layer]:
        """Results that nobody rejected and nobody saved, and segmentations that were changed since they were saved."""
        saved = {task.about for task in self.tasks if task.state == "done"} | self.projects.layers
        results = [
            layer
            for layer in self.document.volume_layers
            if layer.review in ("unreviewed", "accepted") and layer.id not in saved
        ]
        labels = [layer for layer in self.document.segmentation_layers if layer.unsaved and layer.review != "rejected"]
        return [*results, *labels]

    def running(self) -> list[Task]:
        """Work that would have to be done again, or a file that would be left half written."""
        return [task for task in self.tasks if task.running and task.kind in ("run", "tune", "save")]
