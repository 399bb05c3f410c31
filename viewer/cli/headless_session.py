"""What a command works with: a session, a way to wait for its answers, and the images that paths name."""

from __future__ import annotations

import os
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol, Self

from viewer.cli.exit_codes import BadInput, JobFailed, WrongUse
from viewer.io.errors import sentence
from viewer.io.reader.reader import index_now
from viewer.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from viewer.data.study import Image, RefusedFile
    from viewer.scene.task import Task

LONGEST = 400  # characters of a path in a sentence
PLACEMENTS = ("sform", "qform")  # of a NIfTI file
NO_IMAGE = "{path}: no image in it; choose DICOM, NIfTI or NRRD."


class Stage(Protocol):
    """What a command works with: a session, and a way to wait for its answers.

    placement: of the images of NIfTI files, "sform" or "qform"; "" for what the program takes.
    """

    session: Session
    placement: str

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def until(self, ready: Callable[[], bool]) -> None:
        """Handle answers until `ready` says so."""
        ...


class WindowStage(Stage, Protocol):
    """A stage with a window, which can be photographed."""

    def picture(self, path: Path) -> None:
        """Write the window as PNG once everything is drawn. Raises TimeoutError and OSError."""
        ...


class HeadlessStage:
    """A session without a window: answers are handled on the thread that waits."""

    def __init__(self, placement: str = "") -> None:
        self.placement = check_placement(placement)
        self._answers: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.session = Session(self._answers.put, in_process=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()

    def until(self, ready: Callable[[], bool]) -> None:
        """Handle answers, on this thread, until `ready` says so."""
        while not ready():
            self._answers.get()()


def finish(stage: Stage, task: Task) -> Task:
    """Wait for a task. Raises JobFailed with its sentence where it failed."""
    stage.until(lambda: not task.running)
    if task.state != "done":
        raise JobFailed(task.error or f"{task.title} was {task.state}.")
    return task


def check_path(path: str | Path) -> None:
    """Raises BadInput where nothing is at a path, or its name is none that the system takes."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise BadInput(f"{_short(path)}: there is no such file or folder; check the path.") from error
    except OSError as error:
        raise BadInput(f"{_short(path)}: {sentence(error)}") from error


def _short(path: str | Path) -> str:
    text = str(path)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def _refusal(refused: Sequence[RefusedFile], path: str | Path) -> BadInput:
    """Why nothing was opened: the first reason there is, and of which file."""
    if not refused:
        return BadInput(NO_IMAGE.format(path=_short(path)))
    return BadInput(f"{_short(refused[0].path)}: {refused[0].reason}")


def check_placement(name: str) -> str:
    """The same name. Raises WrongUse where no placement is called so."""
    if name not in ("", *PLACEMENTS):
        raise WrongUse(f"--placement {name}: choose {' or '.join(PLACEMENTS)}.")
    return name


def with_placement(image: Image, path: str | Path, placement: str) -> Image:
    """The image by that placement of its NIfTI file, "" for the one that is taken. Raises BadInput."""
    if (found := image.with_placement(placement)) is None:
        raise BadInput(f"{_short(path)}: it has no {placement}; leave that choice out.")
    return found


def one_image(stage: Stage, text: str) -> Image:
    """The image that "PATH", "PATH#2" or "PATH#qform" names; a path that is there is never taken for the latter.

    Raises BadInput where PATH holds several images and no number says which, or where it has no such placement.
    """
    path, _, which = text.rpartition("#")
    if os.path.exists(text) or not (path and (which.isdecimal() or which in PLACEMENTS)):
        path, which = text, ""
    placement = which if which in PLACEMENTS else stage.placement
    return with_placement(_one_of(stage, path, which if which.isdecimal() else ""), path, placement)


def _one_of(stage: Stage, path: str, number: str) -> Image:
    check_path(path)
    images, refused = index_now([path], stage.session.reader)
    if not images:
        raise _refusal(refused, path)
    if number:
        if not 1 <= int(number) <= len(images):
            raise BadInput(f"{path}: there are {len(images)} images in it, so #{number} names none.")
        return images[int(number) - 1]
    if len(images) > 1:
        names = "; ".join(f"#{place} {image.name}" for place, image in enumerate(images, 1))
        raise BadInput(f"{path}: holds {len(images)} images; say which by adding its number to the path: {names}.")
    return images[0]


def open_all(stage: Stage, paths: Sequence[str | Path]) -> list[Image]:
    """Every image of files and folders, in the order found; files of segments that are named themselves are shown.

    Raises BadInput where a path is missing, nothing could be opened, or an image has not the stage's placement.
    """
    for path in paths:
        check_path(path)
    session = stage.session
    finish(stage, session.studies.open(paths))
    stage.until(lambda: not any(task.running for task in session.tasks))
    images = [image for series in session.studies.images.values() for image in series]
    if not images and not session.studies.label_files:
        raise _refusal(session.studies.refusals, paths[0])
    return [with_placement(image, image.source.files[0], stage.placement) for image in images]


def find_images(stage: Stage, paths: Sequence[str | Path]) -> list[Image]:
    """As `open_all`; raises BadInput where there is no image among them, too."""
    images = open_all(stage, paths)
    if not images:
        raise BadInput(NO_IMAGE.format(path=paths[0]))
    return images
