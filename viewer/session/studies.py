"""Studies: what was found in folders and files, and the images of them that are shown."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.data.study import Image, LabelFile, RefusedFile
from viewer.io import requests
from viewer.scene.preview.display_requests import DisplayRequests
from viewer.scene.preview.loading_layer import LoadingLayer
from viewer.scene.task import Message, Task

if TYPE_CHECKING:  # pydicom, SimpleITK and scipy come with it: not before the window is there
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from viewer.data.volume import Volume
    from viewer.io.reader.reader import Reader
    from viewer.io.sample.sample import SamplePaths
    from viewer.scene.document import Document
    from viewer.scene.history import History
    from viewer.scene.layer import VolumeLayer
    from viewer.session.layers import Layers
    from viewer.session.segment_files import SegmentFiles
    from viewer.session.tasks import Messages, Tasks

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Studies:
    """images: by series. label_files: files of segments that were found, by path. refusals: what could not be read.

    paths: the folders and files that were opened, which the journal keeps.
    images_changed: tells of a series. labels_found: of the path of a file of segments.
    """

    images_changed = Signal(str)
    labels_found = Signal(str)
    file_refused = Signal(RefusedFile)

    document: Document
    history: History
    reader: Reader
    layers: Layers
    segment_files: SegmentFiles
    tasks: Tasks
    messages: Messages
    paths: list[str]
    images: dict[str, list[Image]] = field(default_factory=dict)
    label_files: dict[str, LabelFile] = field(default_factory=dict)
    refusals: list[RefusedFile] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._requests = DisplayRequests(self.document)
        self._loading: dict[str, Task] = {}  # Image.key -> the latest load of it

    # ---- what there is
    def open(self, paths: Sequence[str | Path]) -> Task:
        """Index folders, files, ZIPs and DICOMDIRs; `images_changed` tells of every series as it is found.

        Files of segments are listed, too (`labels_found`); those that were named themselves are shown.
        """
        names = ", ".join(Path(path).name for path in paths[:3])
        task = self.tasks.add("index", f"Open {names}")
        self._remember(paths)
        before = self._counts()

        def done() -> None:
            if not task.running:
                return
            task.end("done")
            named = [path for path in map(os.path.realpath, paths) if path in self.label_files]
            for path in named:
                self.open_labels(self.label_files[path])
            if not named and self._counts() == before:
                text = f"No image in {names}: choose a folder with DICOM, NIfTI or NRRD files."
                self.messages.warn(text)

        task.begin()
        running = self.reader.index(
            paths,
            found=self._add_images,
            labels=self._add_labels,
            refused=self._add_refusal,
            progress=lambda count, total: task.advance(count / max(total, 1), f"{count} of {total} files"),
            done=done,
        )
        task.stop_with(running.cancel)
        return task

    def list_earlier(self, paths: Sequence[str]) -> None:
        """List the studies of an earlier session, as they are now; what is gone is left out."""
        there = [path for path in paths if isinstance(path, str) and os.path.exists(path)]
        if there:
            self._remember(there)
            self.reader.index(
                there, found=self._add_images, labels=self._add_labels, refused=self._add_refusal,
                progress=lambda *_: None, done=lambda: None,
            )  # fmt: skip

    def open_sample(self) -> Task:
        """Make the built-in sample where it is not there yet, then open it."""
        task = self.tasks.add("sample", "Open the sample")
        task.begin()

        def done(sample: SamplePaths) -> None:
            task.end("done")
            opened = self.open([sample.baseline, sample.follow_up])
            opened.events.state.connect(lambda state: self._show_sample(sample) if state == "done" else None)

        running = self.reader.call(requests.make_sample, done=done, failed=partial(self.tasks.fail, task))
        task.stop_with(running.cancel)
        return task

    def thumbnail(self, image: Image, done: Callable[[NDArray[np.uint8]], None]) -> None:
        """A small picture [r, c] or [r, c, 3] of the image's middle; nothing comes where there is none."""
        self.reader.thumbnail(image, done=done, failed=lambda reason: log.info("no thumbnail: %s", reason))

    # ---- what is shown
    def load(self, image: Image, *, overlay: bool = False) -> Task:
        """Show an image: alone, or over what is shown. It appears with its first slice; the rest follows."""
        self._requests.add(image.key, overlay=overlay)
        there = next((one for one in self.document.volume_layers if one.image and one.image.key == image.key), None)
        if there is not None:
            self.layers.show(there, overlay=overlay)
        if image.key in self._loading and self._loading[image.key].running:
            return self._loading[image.key]
        task = self._loading[image.key] = self.tasks.add("load", f"Load {image.title}")
        task.begin()
        if there is not None:
            task.end("done")
        else:
            self._load(image, task)
        return task

    def _load(self, image: Image, task: Task) -> None:
        arrival = LoadingLayer(image, self.history, self._arrive)

        def filled(fraction: float) -> None:
            task.advance(fraction)
            arrival.advance(fraction)

        def done(volumes: tuple[Volume, ...]) -> None:
            arrival.finish(volumes)
            task.end("done")

        def failed(reason: str) -> None:
            arrival.withdraw()
            self.tasks.fail(task, reason)

        def stop() -> None:
            running.cancel()
            arrival.withdraw()
            task.end("cancelled")

        running = self.reader.load(image, started=arrival.begin, filled=filled, done=done, failed=failed)
        task.stop = stop

    def _arrive(self, layer: VolumeLayer) -> None:
        """Show an image that was asked for, with its first slice, unless another one was shown meanwhile."""
        overlay = self._requests.take(layer.image.key) if layer.image else False
        if overlay is not None:
            self.layers.show(layer, overlay=overlay)
            return
        layer.visible = False
        text = f"{layer.name} is there, but hidden, as another image was shown meanwhile: show it in the tab Layers."
        self.messages.add(Message(text))

    def open_labels(self, found: LabelFile) -> None:
        """Show its segments over the images that it refers to; these are loaded first, where they were found, too."""
        image = self._about(found)
        show = partial(self.segment_files.open, Path(found.path))
        loading = self.load(image) if image is not None else None
        if loading is not None and loading.running:
            loading.events.state.connect(lambda state: show() if state == "done" else None)
        else:
            show()

    def _about(self, found: LabelFile) -> Image | None:
        """The image that it refers to: of that series, else one of the patient's that shares its frame of reference.

        None where neither was found, or where such a one is visible already.
        """
        known = [image for images in self.images.values() for image in images]
        of_series = [image for image in known if image.source.series_uid == found.referenced_series_uid != ""]
        in_frame = [
            image
            for image in known
            if found.frame_of_reference
            and image.grid.frame_of_reference == found.frame_of_reference
            and image.source.patient_match(found.source) != "different"
        ]
        near = of_series or in_frame
        shown = {layer.image.key for layer in self.document.volume_layers if layer.image and layer.visible}
        return None if any(one.key in shown for one in near) else max(near, key=lambda one: one.bytes, default=None)

    def _show_sample(self, sample: SamplePaths) -> None:
        """The largest image of the baseline study, its T1, where nothing is shown yet."""
        found = [image for images in self.images.values() for image in images]
        baseline = [image for image in found if Path(image.source.files[0]).is_relative_to(sample.baseline)]
        if baseline and not len(self.document):
            self.load(max(baseline, key=lambda image: image.bytes))

    # ---- what the reader tells
    def _counts(self) -> tuple[int, int, int]:
        return len(self.images), len(self.refusals), len(self.label_files)

    def _remember(self, paths: Sequence[str | Path]) -> None:
        self.paths += [path for path in map(os.path.abspath, paths) if path not in self.paths]

    def _add_images(self, series: str, images: list[Image]) -> None:
        self.images[series] = images
        self.images_changed.emit(series)

    def _add_labels(self, found: LabelFile) -> None:
        self.label_files[found.path] = found
        self.labels_found.emit(found.path)

    def _add_refusal(self, refused: RefusedFile) -> None:
        self.refusals.append(refused)
        self.file_refused.emit(refused)
        if refused.many:
            self.messages.warn(f"{Path(refused.path).name}: {refused.reason}")
