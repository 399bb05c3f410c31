"""The session: one workspace and everything that happens in it. The window and the command line call the same verbs.

Verbs return at once with a Task; answers arrive through `post`, which runs a function on the main thread. Signals are
emitted there too, and the document changes there only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from viewer.compute.difference import difference
from viewer.compute.engine import Engine
from viewer.compute.runner import Runner
from viewer.data.study import Image, Refused
from viewer.data.volume import Volume
from viewer.io.reader import Reader
from viewer.io.restore import read_again
from viewer.plugin.discover import discover
from viewer.plugin.plugin import Plugin
from viewer.plugin.run import Result
from viewer.scene.arrival import Arrival
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer, MoveLayer, RemoveLayer, RenameLayer, ReviewLayer, Together
from viewer.scene.history import History
from viewer.scene.journal import JournalKeeper
from viewer.scene.layer import Layer, Review, VolumeLayer, difference_layer, exported, volume_layer
from viewer.scene.recovery import Recovery, unfinished
from viewer.scene.task import Kind, Message, Task
from viewer.scene.view_state import ViewState
from viewer.settings import state_folder

if TYPE_CHECKING:  # pydicom, SimpleITK and scipy come with these: not before the window is there
    from viewer.io.sample import SamplePaths
    from viewer.io.save import Format, Saved

log = logging.getLogger(__name__)

OVERLAY_COLORMAPS = {"PT": "hot iron", "NM": "hot iron"}  # how an image laid over another one is coloured


class Session:
    """post: runs a function on the main thread. in_process: plugins run in this process (tests, small scripts)."""

    images_changed = Signal(str)
    file_refused = Signal(Refused)
    task_added = Signal(Task)
    message = Signal(Message)

    def __init__(
        self, post: Callable[[Callable[[], None]], None], *, in_process: bool = False, journal: Path | None = None
    ) -> None:
        self._journals = journal or state_folder() / "journal"
        self._keeper = JournalKeeper(
            self._journals, lambda text: post(lambda: self.message.emit(Message(text, "warning")))
        )
        self.document = Document()
        self.state = ViewState()
        self.history = History(self.document, record=self._keeper.record)
        self.images: dict[str, list[Image]] = {}
        self.refused: list[Refused] = []
        self.tasks: list[Task] = []
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
        task = self._task("load", f"Load {image.name or image.source.series_description}")
        shown = next((one for one in self.document.volume_layers if one.image and one.image.key == image.key), None)
        if shown is not None:
            self._show(shown, overlay=overlay)
            task.begin()
            task.end("done")
            return task
        arrival = Arrival(image, self.history, partial(self._show, overlay=overlay))

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
            self.open([sample.baseline, sample.follow_up])

        function = "viewer.io.sample:sample_paths"
        running = self.reader.call(function, done=done, failed=partial(self._failed, task))
        task.stop = partial(_stop, task, running.cancel)
        return task

    # ---- plugins
    def run(self, plugin_id: str, inputs: dict[str, str], parameters: dict[str, Any], device: str = "cpu") -> Task:
        """Run a plugin on layers (input name -> layer id). The result waits for review as one edit."""
        plugin = self.plugins[plugin_id]
        found = {name: self.document.find(layer_id) for name, layer_id in inputs.items()}
        layers = {name: layer for name, layer in found.items() if isinstance(layer, VolumeLayer)}
        values = {name: layer.volume(self.state.timepoint) for name, layer in layers.items()}
        task = self._task("run", f"{plugin.title}: {next((layer.name for layer in layers.values()), '')}")
        if any(layer.loaded < 1 for layer in layers.values()):
            self._failed(task, f"{plugin.title} needs the whole image: wait until it is loaded, then run it again.")
            return task
        running = self.engine.submit(
            "viewer.plugin.run:execute",
            (plugin_id, values, parameters),
            device=device,
            started=task.begin,
            progress=task.advance,
            done=lambda result: self._background.submit(self._prepare, task, plugin, layers, values, result),
            failed=partial(self._failed, task),
            cancelled=lambda: task.end("cancelled"),
        )
        task.stop = running.cancel
        return task

    def _prepare(
        self, task: Task, plugin: Plugin, layers: dict[str, VolumeLayer], values: dict[str, Volume], result: Result
    ) -> None:
        """In the background: the difference images, and the arrays on disk, before the edit is made."""
        (shown, first), *_ = zip(layers.values(), values.values(), strict=True)
        made = [value for value in result.outputs.values() if isinstance(value, Volume)]
        added = [volume_layer((volume,), review="unreviewed") for volume in made]
        for layer in added:
            layer.window = shown.window
        comparable = [volume for volume in made if not volume.color and volume.grid.matches(first.grid)]
        added += [difference_layer(difference(volume, first)) for volume in comparable]
        self._keeper.store(added)
        self._post(partial(self._add_results, task, plugin, shown, added, result))

    def _add_results(
        self, task: Task, plugin: Plugin, shown: VolumeLayer, added: list[VolumeLayer], result: Result
    ) -> None:
        self.history.do(Together(plugin.title, tuple(AddLayer(layer) for layer in added)))
        self.state.active = added[0].id
        self.state.compared = (shown.id, *(layer.id for layer in added))
        task.stages = result.stages
        task.peak_memory = result.peak_memory
        task.end("done")

    # ---- layers
    def review(self, layer: Layer, state: Review) -> None:
        """Accept or reject a result, or open it again."""
        if state != layer.review:
            self.history.do(ReviewLayer(layer, layer.review, state))

    def rename(self, layer: Layer, name: str) -> None:
        if name and name != layer.name:
            self.history.do(RenameLayer(layer, layer.name, name))

    def remove(self, layer: Layer) -> None:
        self.history.do(RemoveLayer(layer, self.document.index(layer.id)))

    def move(self, layer: Layer, to: int) -> None:
        """Change the order; `to` counts from the bottom."""
        before = self.document.index(layer.id)
        if before != to:
            self.history.do(MoveLayer(layer, before, to))

    # ---- saving
    def save(self, layer: VolumeLayer, target: Path, format: Format, *, overwrite: bool = False) -> Task:
        """Write a layer; "saved" is said only after it was read back and compared."""
        task = self._task("save", f"Save {layer.name}")
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
    def recoverable(self) -> list[Recovery]:
        """What sessions that did not end cleanly have left."""
        return unfinished(self._journals)

    def recover(self, recovery: Recovery) -> Task:
        """Read the images again, put the results back, and do every step again."""
        task = self._task("recover", "Recover unsaved work")
        task.begin()
        self._background.submit(self._recover, task, recovery)
        return task

    def _recover(self, task: Task, recovery: Recovery) -> None:
        images = read_again(recovery.images, self.reader, lambda fraction: task.advance(fraction, "reading images"))
        loaded = {key: volume_layer(volumes, image=image) for key, (image, volumes) in images.items()}
        layers = recovery.layers(loaded.get)
        self._keeper.store(layers.values())
        self._post(partial(self._recovered, task, recovery, layers, len(recovery.images) - len(loaded)))

    def _recovered(self, task: Task, recovery: Recovery, layers: dict[str, VolumeLayer], missing: int) -> None:
        recovery.replay(self.history, layers)
        if self.document.base is not None:
            self._centre(self.document.base)
            self.state.active = self.document.base.id
        task.end("done")
        if missing:
            self.message.emit(
                Message(f"{missing} of the images are no longer where they were; the rest is back.", "warning")
            )
        else:
            recovery.discard()

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

    def _show(self, layer: VolumeLayer, *, overlay: bool) -> None:
        """Make a layer visible: over the others, or in their place."""
        if overlay and self.document.base not in (None, layer):
            layer.opacity = 0.5
            layer.colormap = OVERLAY_COLORMAPS.get(layer.source.modality, "hot iron")
        else:
            for other in self.document:
                other.visible = False
            self._centre(layer)
        layer.visible = True
        self.state.active = layer.id

    def _centre(self, layer: VolumeLayer) -> None:
        x, y, z = (float(mm) for mm in layer.volumes[0].grid.centre)
        self.state.crosshair = (x, y, z)
        self.state.timepoint = 0


def _stop(task: Task, cancel: Callable[[], None]) -> None:
    cancel()
    task.end("cancelled")
