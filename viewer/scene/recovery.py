"""The way back after a crash: journals whose process is gone, read and done again."""

from __future__ import annotations

import gzip
import json
import logging
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from viewer.scene.described import (
    Json,
    Restored,
    restore_landmark,
    restore_layer,
    restore_segments,
    restore_transform,
)
from viewer.scene.document import Document
from viewer.scene.edits import (
    AddLayer,
    AlignLayer,
    ChangeLandmark,
    Edit,
    MoveLayer,
    RemoveLayer,
    RenameLayer,
    ReviewLayer,
    Together,
)
from viewer.scene.history import History
from viewer.scene.journal import DISCARDED, STROKES, discard
from viewer.scene.label_boxes import LabelBoxes
from viewer.scene.layer import VolumeLayer
from viewer.scene.segment_edits import EditLabels
from viewer.scene.segmentation_layer import SegmentationLayer

log = logging.getLogger(__name__)

GONE = Together("Step on a layer that is gone", ())  # keeps its place, so that an undo after it means the right step
Recovered = dict[str, Restored]  # layers by id


@dataclass(frozen=True)
class Recovery:
    """A journal whose session did not end cleanly."""

    folder: Path
    when: str
    steps: tuple[Json, ...]

    @property
    def summary(self) -> str:
        """What it holds, in words."""
        kinds = [_kind(entry) for entry in self._entries()]
        edits = sum(step["step"] == "do" and step["edit"]["kind"] == "labels" for step in self.steps)
        words = {"image": "opened image", "result": "result", "segmentation": "segmentation"}
        parts = [_count(kinds.count(kind), word) for kind, word in words.items() if kind in kinds]
        parts += [_count(edits, "edit of segments", "edits of segments")] * (edits > 0)
        return ", ".join(parts) or "no images"

    @property
    def layer_count(self) -> int:
        """How many layers `layers` gives where nothing is missing."""
        return len({entry["id"] for entry in self._entries()})

    @property
    def images(self) -> dict[str, tuple[str, ...]]:
        """The images to read again: Image.key -> the files they came from."""
        return {entry["image"]: tuple(entry["files"]) for entry in self._entries() if "image" in entry}

    def _entries(self) -> Iterator[Json]:
        """Every layer that was added."""
        return (entry for step in self.steps if step["step"] == "do" for entry in _added(step["edit"]))

    def layers(self, load: Callable[[str], VolumeLayer | None]) -> Recovered:
        """Every layer by id: images through `load` (None where one is gone), the others from this folder."""
        layers = {entry["id"]: self._restored(entry, load) for entry in self._entries()}
        return {id: layer for id, layer in layers.items() if layer is not None}

    def _restored(self, entry: Json, load: Callable[[str], VolumeLayer | None]) -> Restored | None:
        try:
            return restore_layer(entry, load, self._array)
        except (OSError, ValueError, EOFError, zlib.error) as error:
            log.warning("journal %s: a layer is lost: %s", self.folder.name, type(error).__name__)
            return None

    def _array(self, name: str) -> NDArray[Any]:
        path = self.folder.resolve() / Path(name).name
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            array: NDArray[Any] = np.load(file, allow_pickle=False)
        return array

    def replay(self, history: History, layers: Recovered) -> None:
        """Do every step again; steps on layers that are gone change nothing."""
        for _ in self.steps_again(history, layers):
            pass

    def steps_again(self, history: History, layers: Recovered) -> Iterator[float]:
        """The same one by one, for who has to draw meanwhile: after each, the fraction that is done.

        What is done besides waits until the last: an undo of then must not take back a step of now.
        """
        with history.held():
            for number, step in enumerate(self.steps, 1):
                if step["step"] == "do":
                    history.do(self._revive(step["edit"], history.document, layers) or GONE, again=True)
                elif step["step"] == "undo":
                    history.undo(again=True)
                else:
                    history.redo(again=True)
                yield number / len(self.steps)

    def _revive(self, edit: Json, document: Document, layers: Recovered) -> Edit | None:
        if edit["kind"] == "together":
            parts = tuple(filter(None, (self._revive(part, document, layers) for part in edit["edits"])))
            return Together(label=edit["label"], edits=parts) if parts else None
        if edit["kind"] == "landmark":
            after = restore_landmark(edit["after"]) if edit["after"] else None
            return ChangeLandmark(document.landmarks.find(edit["id"]), after, edit["index"], edit["gesture"])
        layer = layers.get(edit["layer"]["id"] if edit["kind"] == "add" else edit["layer"])
        if layer is None:
            return None
        match edit["kind"], layer:
            case "add", _:
                return AddLayer(layer, edit["index"])
            case "remove", _:
                return RemoveLayer(layer, document.index(layer.id))
            case "move", _:
                return MoveLayer(layer, document.index(layer.id), edit["after"])
            case "rename", _:
                return RenameLayer(layer, layer.name, edit["after"])
            case "align", VolumeLayer():
                placed = restore_transform(edit["after"], self._array)
                return AlignLayer(layer, layer.transform, placed, edit["gesture"])
            case "labels", SegmentationLayer():
                return self._labels(edit, layer)
        return ReviewLayer(layer, layer.review, edit["after"])

    def _labels(self, edit: Json, layer: SegmentationLayer) -> EditLabels:
        """A stroke whose bytes are damaged is a step that changes no voxel: those after it keep their places."""
        before = layer.segmentation.segments
        after = restore_segments(edit["segments"]) if "segments" in edit else before
        boxes = None
        if "boxes" in edit:
            try:
                boxes = self._boxes(edit["boxes"], layer)
            except (OSError, ValueError) as error:
                log.warning("journal %s: a stroke is lost: %s", self.folder.name, error)
        return EditLabels(layer, edit["label"], before, after, boxes, gesture=edit["gesture"])

    def _boxes(self, entry: Json, layer: SegmentationLayer) -> LabelBoxes:
        """Raises ValueError where its bytes are not those that were written, OSError where they cannot be read."""
        before, after = entry["lengths"]
        with (self.folder / STROKES).open("rb") as file:
            file.seek(entry["at"])
            data = file.read(before + after)
        if zlib.crc32(data) != entry["crc"]:
            raise ValueError("its bytes are damaged")
        places = tuple(tuple(place) for place in entry["places"])
        boxes = LabelBoxes(places, entry["dtype"], data[:before], data[before:])
        boxes.check(layer.grid.shape)
        return boxes

    def discard(self) -> None:
        """Remove it for good."""
        discard(self.folder)


def unfinished(root: Path) -> list[Recovery]:
    """The journals under `root` whose process is gone and that hold at least one step, newest first."""
    found = []
    for folder in root.glob(f"{DISCARDED}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in sorted(root.glob("*-*"), reverse=True) if root.is_dir() else []:
        if _alive(folder):
            continue
        steps = tuple(_lines(folder / "journal.jsonl"))
        if steps:
            when = datetime.strptime(folder.name[:15], "%Y%m%d-%H%M%S")
            found.append(Recovery(folder, f"{when:%d %B %Y, %H:%M}", steps))
        else:
            discard(folder)
    return found


def _alive(folder: Path) -> bool:
    try:
        pid, created = (folder / "pid").read_text().split()
        return bool(abs(psutil.Process(int(pid)).create_time() - float(created)) < 1)
    except (OSError, ValueError, psutil.Error):
        return False


def _lines(path: Path) -> list[Json]:
    """Every whole line; a line that a crash cut short ends the list."""
    steps: list[Json] = []
    try:
        steps.extend(map(json.loads, path.read_bytes().splitlines()))
    except (OSError, ValueError) as error:
        log.warning("journal %s: stopped after %d steps: %s", path.parent.name, len(steps), type(error).__name__)
    return steps


def _added(edit: Json) -> list[Json]:
    if edit["kind"] == "together":
        return [entry for part in edit["edits"] for entry in _added(part)]
    return [edit["layer"]] if edit["kind"] == "add" else []


def _kind(entry: Json) -> str:
    return "image" if "image" in entry else "segmentation" if "segmentation" in entry else "result"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
