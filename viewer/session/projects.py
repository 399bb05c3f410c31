"""Projects: everything that is open, with how it is looked at, in one file; opened again where the images are now."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.compute.progress import Cancelled
from viewer.files.file_lock import FileLock
from viewer.io import requests
from viewer.io.project.source_images import FoundFiles, MissingImage, load_image, locate_files, search_folder
from viewer.scene.journal.project_state import Project, describe_project, replacement_edit
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.task import Message, Task

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.io.project.project_file import Marks
    from viewer.io.reader.reader import Reader
    from viewer.scene.document import Document
    from viewer.scene.history import History
    from viewer.scene.journal.serialization import Restored
    from viewer.scene.view_state import ViewState
    from viewer.session.background import Background
    from viewer.session.journal import SessionJournal
    from viewer.session.tasks import Messages, Tasks

log = logging.getLogger(__name__)


@dataclass(eq=False)
class ProjectOpening:
    """A project on its way. sha256: of its file. found, missing: its images, by now."""

    path: Path
    project: Project
    marks: Marks
    sha256: str
    found: FoundFiles = field(default_factory=dict)
    missing: tuple[MissingImage, ...] = ()

    def title(self, key: str) -> str:
        """The name that the layer of an image has in the project."""
        return next(str(entry["name"]) for entry in self.project.layers if entry.get("image") == key)


@dataclass(eq=False)
class Projects:
    """images_missing: tells of a ProjectOpening whose images are not where they were: see find_images, and finish.

    path: of the file that was opened or saved last. layers: ids of those that it holds.
    """

    images_missing = Signal(object)

    document: Document
    state: ViewState
    history: History
    reader: Reader
    journal: SessionJournal
    background: Background
    tasks: Tasks
    messages: Messages
    path: Path | None = None
    layers: frozenset[str] = frozenset()
    _sha256: str = field(
        default="", init=False
    )  # of that file as it was then: something else is never written over unasked
    _lock: FileLock | None = field(default=None, init=False)  # tells other windows that it is open here

    def close(self) -> None:
        """Forget the project that was open, and free its file."""
        self._let_go()
        self.path, self.layers = None, frozenset()

    def save(self, target: Path, *, voxels: bool = False, overwrite: bool = False) -> Task:
        """Write what is open; "saved" is said only after it was read back and compared. voxels: with the images.

        The file that was opened or saved last is replaced without `overwrite`, unless somebody else has changed it or
        has it open.
        """
        task = self.tasks.add("save", f"Save {target.name}")
        own = self.path is not None and not overwrite and _same(self.path, target)
        if own and (holder := self._hold(target)):
            self.tasks.fail(task, f"{target.name} is open in another window ({holder}): save it under another name.")
            return task
        if any(layer.loaded < 1 for layer in self.document.volume_layers):
            self.tasks.fail(task, "An image is not whole yet: wait until it is loaded, then save the project again.")
            return task
        task.begin()
        project = describe_project(self.document, self.state, voxels=voxels)
        now = {layer: layer.generation for layer in self.document.segmentation_layers}
        findings = tuple(self.document.findings)

        def done(saved: tuple[int, str]) -> None:
            size, self._sha256 = saved
            for layer, generation in now.items():
                layer.saved = generation
            self.document.findings.saved = findings
            self.path, self.layers = target, frozenset(entry["id"] for entry in project.layers)
            self._hold(target)
            task.end("done")
            beside = "" if voxels or not project.images else " Its images stay where they are."
            self.messages.add(Message(f"Saved and verified: {target.name}, {size / 2**20:.1f} MB.{beside}"))

        running = self.reader.call(
            requests.save_project, project, target, overwrite, self._sha256 if own else "",
            done=done, failed=partial(self.tasks.fail, task),
        )  # fmt: skip
        task.stop_with(running.cancel)
        return task

    def open(self, path: Path) -> Task:
        """Put a project in the place of what is open, which one Undo brings back."""
        task = self.tasks.add("load", f"Open {path.name}")
        task.begin()

        def done(read: tuple[Project, Marks, str]) -> None:
            opening = ProjectOpening(path, *read)
            task.stop = partial(task.end, "cancelled")
            self.background.run(task, self._locate, task, opening)

        running = self.reader.call(requests.open_project, path, done=done, failed=partial(self.tasks.fail, task))
        task.stop_with(running.cancel)
        return task

    def find_images(self, opening: ProjectOpening, folder: Path) -> Task:
        """Look for the images that are missing in a folder and all below it; then as before."""
        task = self.tasks.add("load", f"Look for the images of {opening.path.name}")
        task.stop = partial(task.end, "cancelled")
        task.begin()
        self.background.run(task, self._look, task, opening, folder)
        return task

    def finish(self, opening: ProjectOpening) -> Task:
        """Open it with the images that were found; the others' layers are left out."""
        task = self.tasks.add("load", f"Open {opening.path.name}")
        task.stop = partial(task.end, "cancelled")
        task.begin()
        self.background.run(task, self._restore, task, opening)
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
    def _locate(self, task: Task, opening: ProjectOpening) -> None:
        try:
            found, missing = locate_files(
                opening.marks, opening.path, self.background.progress(task, "looking for the images")
            )
        except Cancelled:
            return
        opening.found, opening.missing = found, missing
        if missing:
            self.background.post(partial(self._ask, task, opening))
        else:
            self._restore(task, opening)

    def _look(self, task: Task, opening: ProjectOpening, folder: Path) -> None:
        wanted = {one.key: opening.marks[one.key] for one in opening.missing}
        try:
            found = search_folder(wanted, folder, self.background.progress(task, "comparing files"))
        except Cancelled:
            return
        opening.found |= found
        opening.missing = tuple(one for one in opening.missing if one.key not in found)
        self.background.post(
            partial(self._ask, task, opening) if opening.missing else partial(self._go_on, task, opening)
        )

    def _ask(self, task: Task, opening: ProjectOpening) -> None:
        task.end("done")
        self.images_missing.emit(opening)

    def _go_on(self, task: Task, opening: ProjectOpening) -> None:
        task.end("done")
        self.finish(opening)

    def _restore(self, task: Task, opening: ProjectOpening) -> None:
        tell, images = self.background.progress(task, "reading images"), dict[str, VolumeLayer | None]()
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
        self.journal.store(layers)
        self.background.post(partial(self._show, task, opening, layers))

    def _show(self, task: Task, opening: ProjectOpening, layers: tuple[Restored, ...]) -> None:
        if not task.running:
            return
        project = opening.project
        self.history.do(replacement_edit(self.document, layers, project.pairs, project.entries, opening.path.name))
        self.document.findings.saved = tuple(self.document.findings)
        project.restore_view(self.state)
        self.path, self.layers = opening.path, frozenset(layer.id for layer in layers)
        self._sha256 = opening.sha256
        task.end("done")
        if holder := self._hold(opening.path):
            self.messages.warn(
                f"{opening.path.name} is open in another window, too ({holder}): what you change here has to be saved "
                "under another name."
            )
        if lost := len(project.layers) - len(layers):
            self.messages.warn(
                f"{lost} of the images of {opening.path.name} could not be found or read: the rest is open."
            )


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
