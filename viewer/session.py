"""The session: one workspace and everything that happens in it. The window and the command line call the same verbs.

Verbs return at once with a Task; answers arrive through `post`, which runs a function on the main thread. Signals are
emitted there too, and the document changes there only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from viewer.compute.engine import Engine
from viewer.compute.runner import Runner
from viewer.data.shared import sweep_shared
from viewer.data.study import Image, Refused
from viewer.data.volume import Volume
from viewer.io.reader import Reader
from viewer.io.restore import read_again
from viewer.plugin.discover import discover
from viewer.plugin.plugin import Plugin
from viewer.plugin.results import result_layers
from viewer.plugin.run import Result
from viewer.scene.arrival import Arrival
from viewer.scene.edits import AddLayer, Together
from viewer.scene.layer import VolumeLayer, exported
from viewer.scene.recovery import Recovery
from viewer.scene.task import Kind, Message, Task
from viewer.scene.workspace import Workspace
from viewer.settings import state_folder

if TYPE_CHECKING:  # pydicom, SimpleITK and scipy come with these: not before the window is there
    from viewer.io.sample import SamplePaths
    from viewer.io.save import Format, Saved

log = logging.getLogger(__name__)


class Session(Workspace):
    """post: runs a function on the main thread. in_process: plugins run in this process (tests, small scripts)."""

    images_changed = Signal(str)
    file_refused = Signal(Refused)
    task_added = Signal(Task)
    message = Signal(Message)

    def __init__(
        self, post: Callable[[Callable[[], None]], None], *, in_process: bool = False, journal: Path | None = None
    ) -> None:
        super().__init__(journal or state_folder() / "journal", lambda text: post(partial(self._warn, text)))
        sweep_shared()
        self.images: dict[str, list[Image]] = {}
        self.refused: list[Refused] = []
        self.tasks: list[Task] = []
        self._loading: dict[str, Task] = {}  # Image.key -> the latest load of it
        self.plugins, self.broken = discover()
        self.reader = Reader(post)
        self.engine = Runner(post) if in_process else Engine(post)
        self._post = post
        self._background = ThreadPoolExecutor(1, "tomolens-session")

    # ---- studies
    def open(self, paths: Sequence[str | Path]) -> Task:
        """Index folders, files, ZIPs and DICOMDIRs; `images_changed` tells of every series as it is found."""
        names = ", ".join(Path(path).name for path in paths[:3])
        task = self._task("index", f"Open {names}")
        before = len(self.images), len(self.refused)

        def done() -> None:
            if not task.running:
                return
            task.end("done")
            if (len(self.images), len(self.refused)) == before:
                self.message.emit(
                    Message(f"No image in {names}: choose a folder with DICOM, NIfTI or NRRD files.", "warning")
                )

        task.begin()
        running = self.reader.index(
            paths,
            found=self._found,
            refused=self._refused,
            progress=lambda count, total: task.advance(count / max(total, 1), f"{count} of {total} files"),
            done=done,
        )
        task.stop = partial(_stop, task, running.cancel)
        return task

    def thumbnail(self, image: Image, done: Callable[[NDArray[np.uint8]], None]) -> None:
        """A small picture [r, c] or [r, c, 3] of the image's middle; nothing comes where there is none."""
        self.reader.thumbnail(image, done=done, failed=lambda reason: log.info("no thumbnail: %s", reason))

    def load(self, image: Image, *, overlay: bool = False) -> Task:
        """Show an image: alone, or over what is shown. It appears with its first slice; the rest follows."""
        if image.key in self._loading and self._loading[image.key].running:
            return self._loading[image.key]
        task = self._loading[image.key] = self._task("load", f"Load {image.name or image.source.series_description}")
        shown = next((one for one in self.document.volume_layers if one.image and one.image.key == image.key), None)
        if shown is not None:
            self.show(shown, overlay=overlay)
            task.begin()
            task.end("done")
            return task
        arrival = Arrival(image, self.history, partial(self.show, overlay=overlay))

        def filled(fraction: float) -> None:
            task.advance(fraction)
            arrival.filled(fraction)

        def done(volumes: tuple[Volume, ...]) -> None:
            arrival.done(volumes)
            task.end("done")

        def failed(reason: str) -> None:
            arrival.withdraw()
            self._failed(task, reason)

        def stop() -> None:
            running.cancel()
            arrival.withdraw()
            task.end("cancelled")

        task.begin()
        running = self.reader.load(image, started=arrival.started, filled=filled, done=done, failed=failed)
        task.stop = stop
        return task

    def open_sample(self) -> Task:
        """Make the built-in sample where it is not there yet, then open it."""
        task = self._task("sample", "Open the sample")
        task.begin()

        def done(sample: SamplePaths) -> None:
            task.end("done")
            opened = self.open([sample.baseline, sample.follow_up])
            opened.events.state.connect(lambda state: self._show_sample(sample) if state == "done" else None)

        function = "viewer.io.sample:sample_paths"
        running = self.reader.call(function, done=done, failed=partial(self._failed, task))
        task.stop = partial(_stop, task, running.cancel)
        return task

    def _show_sample(self, sample: SamplePaths) -> None:
        """The largest image of the baseline study, its T1, where nothing is shown yet."""
        found = [image for images in self.images.values() for image in images]
        baseline = [image for image in found if Path(image.source.files[0]).is_relative_to(sample.baseline)]
        if baseline and not len(self.document):
            self.load(max(baseline, key=lambda image: image.bytes))

    # ---- plugins
    def run(self, plugin_id: str, inputs: dict[str, str], parameters: dict[str, Any], device: str = "cpu") -> Task:
        """Run a plugin on layers (input name -> layer id). The result waits for review as one edit."""
        plugin = self.plugins[plugin_id]
        found = {name: self.document.find(layer_id) for name, layer_id in inputs.items()}
        layers = {name: layer for name, layer in found.items() if isinstance(layer, VolumeLayer)}
        values = {name: layer.volume(self.state.timepoint) for name, layer in layers.items()}
        task = self._task("run", f"{plugin.title}: {next((layer.name for layer in layers.values()), '')}")
        if not layers or any(layer.loaded < 1 for layer in layers.values()):
            self._failed(task, f"{plugin.title} needs a whole image: wait until it is loaded, then run it again.")
            return task
        first = next(iter(layers.values())), next(iter(values.values()))
        running = self.engine.submit(
            "viewer.plugin.run:execute",
            (plugin_id, values, parameters),
            device=device,
            started=task.begin,
            progress=task.advance,
            done=lambda result: self._aside(task, self._add_results, task, plugin, *first, result),
            failed=partial(self._failed, task),
            cancelled=lambda: task.end("cancelled"),
        )
        task.stop = running.cancel
        return task

    def _add_results(self, task: Task, plugin: Plugin, shown: VolumeLayer, given: Volume, result: Result) -> None:
        """In the background: differences, and the arrays on disk; then the edit, on the main thread."""
        layers = result_layers(result, shown, given)
        self._keeper.store(layers)

        def add() -> None:
            if not layers:
                self._failed(task, f"{plugin.title} returned no image; only images can be shown so far.")
                return
            self.history.do(Together(plugin.title, tuple(AddLayer(layer) for layer in layers)))
            self.state.active = layers[0].id
            self.state.compared = (shown.id, *(layer.id for layer in layers))
            task.stages, task.peak_memory = result.stages, result.peak_memory
            task.end("done")

        self._post(add)

    # ---- saving
    def save(self, layer: VolumeLayer, target: Path, format: Format, *, overwrite: bool = False) -> Task:
        """Write a layer; "saved" is said only after it was read back and compared."""
        task = self._task("save", f"Save {layer.name}")
        if layer.loaded < 1:
            self._failed(task, f"{layer.name} is not whole yet: wait until it is loaded, then save it again.")
            return task
        task.begin()

        def done(saved: Saved) -> None:
            task.end("done")
            text = f"Saved and verified: {target.name}, {saved.bytes / 2**20:.1f} MB. {' '.join(saved.note)}"
            self.message.emit(Message(text.strip()))

        mark = "" if layer.review == "source" else layer.badges[0]
        arguments = (exported(layer), target, format, mark, overwrite)
        running = self.reader.call("viewer.io.save:save", *arguments, done=done, failed=partial(self._failed, task))
        task.stop = partial(_stop, task, running.cancel)
        return task

    # ---- recovery
    def recover(self, recovery: Recovery) -> Task:
        """Read the images again, put the results back, and do every step again."""
        task = self._task("recover", "Recover unsaved work")
        task.begin()
        self._aside(task, self._recover, task, recovery)
        return task

    def _recover(self, task: Task, recovery: Recovery) -> None:
        """In the background: images and results; then every step again, on the main thread."""

        def progress(fraction: float) -> None:
            self._post(partial(task.advance, fraction, "reading images"))

        layers, missing = read_again(recovery, self.reader, progress)
        self._keeper.store(layers.values())

        def replay() -> None:
            recovery.replay(self.history, layers)
            if self.document.base is not None:
                self.centre(self.document.base)
                self.state.active = self.document.base.id
            task.end("done")
            if missing:
                self._warn(f"{missing} of the images are no longer where they were; the rest is back.")
            else:
                recovery.discard()

        self._post(replay)

    def close(self) -> None:
        """End the processes and close the journal: nothing is left to recover."""
        self.reader.close()
        self.engine.close()
        self._background.shutdown()
        self._keeper.close()

    # ---- within
    def _task(self, kind: Kind, title: str) -> Task:
        task = Task(kind, title)
        self.tasks.append(task)
        self.task_added.emit(task)
        return task

    def _aside(self, task: Task, work: Callable[..., None], *arguments: Any) -> None:
        """Run in the background; what goes wrong there ends the task."""

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                log.error("%s failed", task.kind, exc_info=error)
                self._post(partial(self._failed, task, f"{task.title} failed ({type(error).__name__}); see the log."))

        self._background.submit(work, *arguments).add_done_callback(ended)

    def _failed(self, task: Task, reason: str, detail: str = "") -> None:
        if task.running:
            task.end("failed", reason)
            self.message.emit(Message(reason, "error", detail=detail))

    def _warn(self, text: str) -> None:
        self.message.emit(Message(text, "warning"))

    def _found(self, series: str, images: list[Image]) -> None:
        self.images[series] = images
        self.images_changed.emit(series)

    def _refused(self, refused: Refused) -> None:
        self.refused.append(refused)
        self.file_refused.emit(refused)


def _stop(task: Task, cancel: Callable[[], None]) -> None:
    cancel()
    task.end("cancelled")
