"""The session: one workspace and everything that happens in it. The window and the command line call the same verbs.

Verbs return at once with a Task; answers arrive through `post`, which runs a function on the main thread. Signals are
emitted there too, and the document changes there only.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.thread_lane import Runner
from viewer.data.study import Image, LabelFile, RefusedFile
from viewer.data.volume import Volume
from viewer.io import requests
from viewer.io.reader.reader import Reader
from viewer.plugin.discovery import discover
from viewer.plugin.plugin import Value
from viewer.processes.shared_array import sweep_shared
from viewer.scene.journal.replay import Recovery
from viewer.scene.layer import VolumeLayer, exported
from viewer.scene.preview.loading_layer import LoadingLayer
from viewer.scene.task import Message, Task
from viewer.session.installed_models import Models
from viewer.session.projects import ProjectFiles
from viewer.session.restore import read_again
from viewer.session.runs.placement import between
from viewer.session.runs.plugin_runs import Runs
from viewer.settings import state_folder

if TYPE_CHECKING:  # pydicom, SimpleITK and scipy come with these: not before the window is there
    from viewer.io.images.save import Format, SaveReport
    from viewer.io.sample.sample import SamplePaths

log = logging.getLogger(__name__)

REPLAY_SLICE = 0.01  # seconds that steps of an earlier session are done again between two frames


class Session(ProjectFiles):
    """post: runs a function on the main thread. in_process: plugins run in this process (tests, small scripts)."""

    images_changed = Signal(str)
    file_refused = Signal(RefusedFile)

    def __init__(
        self, post: Callable[[Callable[[], None]], None], *, in_process: bool = False, journal: Path | None = None
    ) -> None:
        super().__init__(post, journal or state_folder() / "journal")
        sweep_shared()
        self.images: dict[str, list[Image]] = {}
        self.refused: list[RefusedFile] = []
        self.label_files: dict[str, LabelFile] = {}  # path -> segments that were found
        self._loading: dict[str, Task] = {}  # Image.key -> the latest load of it
        self.plugins, self.broken = discover()
        self.reader: Reader = Reader(post)
        self.engine = Runner(post) if in_process else Engine(post)
        self._runs = Runs(self, self.engine)
        self.models = Models(post)
        self.device = "cpu"  # what runs that can use a graphics card go to

    # ---- studies
    def open(self, paths: Sequence[str | Path]) -> Task:
        """Index folders, files, ZIPs and DICOMDIRs; `images_changed` tells of every series as it is found.

        Files of segments are listed, too (`labels_found`); those that were named themselves are shown.
        """
        names = ", ".join(Path(path).name for path in paths[:3])
        task = self.add_task("index", f"Open {names}")
        self._remember(paths)
        before = len(self.images), len(self.refused), len(self.label_files)

        def done() -> None:
            if not task.running:
                return
            task.end("done")
            named = [path for path in map(os.path.realpath, paths) if path in self.label_files]
            for path in named:
                self.open_labels(self.label_files[path])
            if not named and (len(self.images), len(self.refused), len(self.label_files)) == before:
                self.message.emit(
                    Message(f"No image in {names}: choose a folder with DICOM, NIfTI or NRRD files.", "warning")
                )

        task.begin()
        running = self.reader.index(
            paths,
            found=self._found,
            labels=self._labels,
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
        self.display_requests.add(image.key, overlay=overlay)
        there = next((one for one in self.document.volume_layers if one.image and one.image.key == image.key), None)
        if there is not None:
            self.show(there, overlay=overlay)
        if image.key in self._loading and self._loading[image.key].running:
            return self._loading[image.key]
        task = self._loading[image.key] = self.add_task("load", f"Load {image.title}")
        if there is not None:
            task.begin()
            task.end("done")
            return task
        arrival = LoadingLayer(image, self.history, self.arrive)

        def filled(fraction: float) -> None:
            task.advance(fraction)
            arrival.filled(fraction)

        def done(volumes: tuple[Volume, ...]) -> None:
            arrival.done(volumes)
            task.end("done")

        def failed(reason: str) -> None:
            arrival.withdraw()
            self.fail(task, reason)

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
        task = self.add_task("sample", "Open the sample")
        task.begin()

        def done(sample: SamplePaths) -> None:
            task.end("done")
            opened = self.open([sample.baseline, sample.follow_up])
            opened.events.state.connect(lambda state: self._show_sample(sample) if state == "done" else None)

        running = self.reader.call(requests.make_sample, done=done, failed=partial(self.fail, task))
        task.stop = partial(_stop, task, running.cancel)
        return task

    def _show_sample(self, sample: SamplePaths) -> None:
        """The largest image of the baseline study, its T1, where nothing is shown yet."""
        found = [image for images in self.images.values() for image in images]
        baseline = [image for image in found if Path(image.source.files[0]).is_relative_to(sample.baseline)]
        if baseline and not len(self.document):
            self.load(max(baseline, key=lambda image: image.bytes))

    # ---- plugins
    def run(
        self, plugin_id: str, inputs: Mapping[str, str | Value], parameters: dict[str, Any], device: str = ""
    ) -> Task:
        """Run a plugin on layers (input name -> layer id). The result waits for review as one edit.

        inputs may be values, too, of kinds that are no layers: landmarks, label maps, transforms.
        device: by default the session's where the plugin can use it, else the processor.
        """
        plugin = self.plugins[plugin_id]
        return self._runs.run(plugin, inputs, parameters, device or (self.device if plugin.gpu else "cpu"))

    def resample(self, layer: VolumeLayer, onto: VolumeLayer, interpolation: str = "linear") -> Task:
        """A new image: the layer, as it stands in the world, on the grid of another one. It waits for review.

        interpolation: "nearest", "linear" or "bspline".
        """
        if onto.transform is not None and onto.transform.displacement is not None:
            task = self.add_task("run", f"Resample: {layer.name}")
            self.fail(
                task, f"{onto.name} was bent itself: resample onto an image that was moved as a whole or not at all."
            )
            return task
        inputs: dict[str, str | Value] = {"image": layer.id, "onto": onto.id, "transform": between(onto, layer)}
        return self.run("resample_image", inputs, {"interpolation": interpolation})

    # ---- saving
    def save(self, layer: VolumeLayer, target: Path, format: Format, *, overwrite: bool = False) -> Task:
        """Write a layer; "saved" is said only after it was read back and compared."""
        task = self.add_task("save", f"Save {layer.name}")
        task.about = layer.id
        if layer.loaded < 1:
            self.fail(task, f"{layer.name} is not whole yet: wait until it is loaded, then save it again.")
            return task
        task.begin()

        def done(saved: SaveReport) -> None:
            task.end("done")
            moved = ["Its voxels lie where its own file puts them: resample it to save them moved."] * bool(
                layer.transform
            )
            text = f"Saved and verified: {target.name}, {saved.bytes / 2**20:.1f} MB. {' '.join([*saved.note, *moved])}"
            self.message.emit(Message(text.strip()))

        mark = "" if layer.review == "source" else layer.badges[0]
        arguments = (exported(layer), target, format, mark, overwrite)
        running = self.reader.call(requests.save_image, *arguments, done=done, failed=partial(self.fail, task))
        task.stop = partial(_stop, task, running.cancel)
        return task

    # ---- recovery
    def recover(self, recovery: Recovery) -> Task:
        """Read the images again, put the results back, do every step again, and look at it as before."""
        task = self.add_task("recover", "Recover unsaved work")
        if not recovery.claim():
            self.fail(task, "Another window is bringing this work back, or has done so: look there.")
            return task
        task.begin()
        self.aside(task, self._recover, task, recovery)
        return task

    def _recover(self, task: Task, recovery: Recovery) -> None:
        """In the background: images and results; then every step again, on the main thread."""

        def progress(fraction: float) -> None:
            self.post(partial(task.advance, fraction, "reading images"))

        layers, missing = read_again(recovery, self.reader, progress)
        self.keep(layers.values())

        steps = recovery.steps_again(self.history, layers)

        def replay() -> None:
            until = time.monotonic() + REPLAY_SLICE
            for fraction in steps:
                if time.monotonic() > until:
                    task.advance(fraction, "doing every step again")
                    self.post(replay)
                    return
            finish()

        def finish() -> None:
            self.look_again(recovery)
            self._list_again((recovery.view or {}).get("paths", ()))
            task.end("done")
            lost = [f"{missing} of the images or label maps can no longer be read; the rest is back."] * bool(missing)
            if recovery.damage or lost:
                self.warn(" ".join(filter(None, [recovery.damage, *lost])))
            else:
                recovery.discard()

        self.post(replay)

    def close(self) -> None:
        """End the processes and close the journal: nothing is left to recover."""
        self.reader.close()
        self.engine.close()
        super().close()

    # ---- within
    def _remember(self, paths: Sequence[str | Path]) -> None:
        self.paths += [path for path in map(os.path.abspath, paths) if path not in self.paths]

    def _list_again(self, paths: Sequence[str]) -> None:
        """The studies of an earlier session, as they are now; what is gone is left out."""
        there = [path for path in paths if isinstance(path, str) and os.path.exists(path)]
        if there:
            self._remember(there)
            self.reader.index(
                there, found=self._found, labels=self._labels, refused=self._refused,
                progress=lambda *_: None, done=lambda: None,
            )  # fmt: skip

    def _found(self, series: str, images: list[Image]) -> None:
        self.images[series] = images
        self.images_changed.emit(series)

    def _labels(self, found: LabelFile) -> None:
        self.label_files[found.path] = found
        self.labels_found.emit(found.path)

    def _refused(self, refused: RefusedFile) -> None:
        self.refused.append(refused)
        self.file_refused.emit(refused)
        if refused.many:
            self.warn(f"{Path(refused.path).name}: {refused.reason}")


def _stop(task: Task, cancel: Callable[[], None]) -> None:
    cancel()
    task.end("cancelled")
