"""Projects: everything that is open, with how it is looked at, in one file; opened again where the images are now."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from psygnal import Signal

from viewer.compute.progress import Cancelled
from viewer.files.file_lock import FileLock
from viewer.io import requests
from viewer.io.project.project_file import Marks
from viewer.io.project.source_images import Found, Missing, load_image, locate_files, search_folder
from viewer.io.reader.reader import Reader
from viewer.scene.journal.project_state import Project, describe_project, replacement_edit
from viewer.scene.journal.serialization import Restored
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.task import Message, Task
from viewer.session.segment_files import SegmentFiles

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Opening:
    """A project on its way. sha256: of its file. found, missing: its images, by now."""

    path: Path
    project: Project
    marks: Marks
    sha256: str
    found: Found = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()

    def title(self, key: str) -> str:
        """The name that the layer of an image has in the project."""
        return next(str(entry["name"]) for entry in self.project.layers if entry.get("image") == key)


class ProjectFiles(SegmentFiles):
    """images_missing: tells of an Opening whose images are not where they were: see look_for, and finish_project.

    project: the file that was opened or saved last. in_project: ids of the layers that it holds.
    """

    images_missing = Signal(object)
    reader: Reader
    project: Path | None = None
    in_project: frozenset[str] = frozenset()
    _sha256 = ""  # of that file as it was then: something else is never written over unasked
    _lock: FileLock | None = None  # tells other windows that it is open here

    def clear(self) -> None:
        """Close the project along with everything else."""
        super().clear()
        self._let_go()
        self.project, self.in_project = None, frozenset()

    def close(self) -> None:
        super().close()
        self._let_go()

    def save_project(self, target: Path, *, voxels: bool = False, overwrite: bool = False) -> Task:
        """Write what is open; "saved" is said only after it was read back and compared. voxels: with the images.

        The file that was opened or saved last is replaced without `overwrite`, unless somebody else has changed it or
        has it open.
        """
        task = self.add_task("save", f"Save {target.name}")
        own = self.project is not None and not overwrite and _same(self.project, target)
        if own and (holder := self._hold(target)):
            self.fail(task, f"{target.name} is open in another window ({holder}): save it under another name.")
            return task
        if any(layer.loaded < 1 for layer in self.document.volume_layers):
            self.fail(task, "An image is not whole yet: wait until it is loaded, then save the project again.")
            return task
        task.begin()
        project = describe_project(self.document, self.state, voxels=voxels)
        now = {layer: layer.generation for layer in self.document.segmentation_layers}

        def done(saved: tuple[int, str]) -> None:
            size, self._sha256 = saved
            for layer, generation in now.items():
                layer.saved = generation
            self.project, self.in_project = target, frozenset(entry["id"] for entry in project.layers)
            self._hold(target)
            task.end("done")
            beside = "" if voxels or not project.images else " Its images stay where they are."
            self.message.emit(Message(f"Saved and verified: {target.name}, {size / 2**20:.1f} MB.{beside}"))

        running = self.reader.call(
            requests.save_project, project, target, overwrite, self._sha256 if own else "",
            done=done, failed=partial(self.fail, task),
        )  # fmt: skip
        task.stop = partial(_stop, task, running.cancel)
        return task

    def open_project(self, path: Path) -> Task:
        """Put a project in the place of what is open, which one Undo brings back."""
        task = self.add_task("load", f"Open {path.name}")
        task.begin()

        def done(read: tuple[Project, Marks, str]) -> None:
            opening = Opening(path, *read)
            task.stop = partial(task.end, "cancelled")
            self.aside(task, self._locate, task, opening)

        running = self.reader.call(requests.open_project, path, done=done, failed=partial(self.fail, task))
        task.stop = partial(_stop, task, running.cancel)
        return task

    def look_for(self, opening: Opening, folder: Path) -> Task:
        """Look for the images that are missing in a folder and all below it; then as before."""
        task = self.add_task("load", f"Look for the images of {opening.path.name}")
        task.stop = partial(task.end, "cancelled")
        task.begin()
        self.aside(task, self._look, task, opening, folder)
        return task

    def finish_project(self, opening: Opening) -> Task:
        """Open it with the images that were found; the others' layers are left out."""
        task = self.add_task("load", f"Open {opening.path.name}")
        task.stop = partial(task.end, "cancelled")
        task.begin()
        self.aside(task, self._restore, task, opening)
        return task

    # ---- two windows
    def _hold(self, project: Path) -> str:
        """Tell other windows that it is open here and no other project is; who has it open already, "" where nobody."""
        path = project.resolve()
        path = path.with_name(f".{path.name}.lock")
        if self._lock is not None and self._lock.path == path:
            return ""
        self._let_go()
        try:
            self._lock = FileLock(path)
        except BlockingIOError as taken:
            return str(taken.strerror)
        except OSError as error:  # a folder that is read-only: nobody can save there
            log.info("a project is not locked: %s", type(error).__name__)
        return ""

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.remove()
        self._lock = None

    # ---- in the background
    def _locate(self, task: Task, opening: Opening) -> None:
        try:
            found, missing = locate_files(opening.marks, opening.path, self._teller(task, "looking for the images"))
        except Cancelled:
            return
        opening.found, opening.missing = found, missing
        if missing:
            self.post(partial(self._ask, task, opening))
        else:
            self._restore(task, opening)

    def _look(self, task: Task, opening: Opening, folder: Path) -> None:
        wanted = {one.key: opening.marks[one.key] for one in opening.missing}
        try:
            found = search_folder(wanted, folder, self._teller(task, "comparing files"))
        except Cancelled:
            return
        opening.found |= found
        opening.missing = tuple(one for one in opening.missing if one.key not in found)
        self.post(partial(self._ask, task, opening) if opening.missing else partial(self._go_on, task, opening))

    def _ask(self, task: Task, opening: Opening) -> None:
        task.end("done")
        self.images_missing.emit(opening)

    def _go_on(self, task: Task, opening: Opening) -> None:
        task.end("done")
        self.finish_project(opening)

    def _restore(self, task: Task, opening: Opening) -> None:
        tell, images = self._teller(task, "reading images"), dict[str, VolumeLayer | None]()
        try:
            for done, (key, files) in enumerate(opening.found.items()):
                tell(done / len(opening.found))
                images[key] = load_image(key, opening.marks[key][0], files, self.reader)
            layers = opening.project.restored(images.get)
        except Cancelled:
            return
        for layer in layers:
            if isinstance(layer, SegmentationLayer):
                layer.saved = 0
        self.keep(layers)
        self.post(partial(self._show, task, opening, layers))

    def _show(self, task: Task, opening: Opening, layers: tuple[Restored, ...]) -> None:
        if not task.running:
            return
        project = opening.project
        self.history.do(replacement_edit(self.document, layers, project.pairs, opening.path.name))
        project.look(self.state)
        self.project, self.in_project = opening.path, frozenset(layer.id for layer in layers)
        self._sha256 = opening.sha256
        task.end("done")
        if holder := self._hold(opening.path):
            self.warn(
                f"{opening.path.name} is open in another window, too ({holder}): what you change here has to be saved "
                "under another name."
            )
        if lost := len(project.layers) - len(layers):
            self.warn(f"{lost} of the images of {opening.path.name} could not be found or read: the rest is open.")

    def _teller(self, task: Task, text: str) -> Callable[[float], None]:
        def tell(fraction: float) -> None:
            if not task.running:
                raise Cancelled
            self.post(partial(task.advance, fraction, text))

        return tell


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _stop(task: Task, cancel: Callable[[], None]) -> None:
    cancel()
    task.end("cancelled")
