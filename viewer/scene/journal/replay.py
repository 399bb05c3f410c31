"""The way back after a crash: journals whose process is gone, read and done again.

What is damaged ends it: every step before comes back, none after, and it is said.
"""

from __future__ import annotations

import gzip
import logging
import re
import shutil
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tokenize import TokenError
from typing import Any, get_args

import numpy as np
import psutil
from numpy.typing import NDArray

from viewer.files.file_lock import FileLock, is_locked, lock_computer
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
from viewer.scene.history import History, Step
from viewer.scene.journal.journal import DISCARDED, LINES, LOCK, STROKES, VIEW, discard, file_sum
from viewer.scene.journal.journal_lines import DAMAGED, read_steps, unsealed
from viewer.scene.journal.serialization import (
    Json,
    Restored,
    restore_landmark,
    restore_layer,
    restore_segments,
    restore_transform,
)
from viewer.scene.layer import Review, VolumeLayer
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.label_delta import LabelBoxes
from viewer.scene.segmentation_layer import SegmentationLayer

log = logging.getLogger(__name__)

GONE = Together("Step on a layer that is gone", ())  # keeps its place, so that an undo after it means the right step
Recovered = dict[str, Restored]  # layers by id
STORED = re.compile(r"[0-9a-f]+-([0-9a-f]{8})\.npy(\.gz)?")  # an array with its checksum
WRONG = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, OSError)  # of what a file says

UNREADABLE = (EOFError, MemoryError, SyntaxError, TokenError, zlib.error)  # arrays without a checksum


@dataclass(eq=False)
class Recovery:
    """A journal whose session did not end cleanly. damage: why `steps` are not all of it; "" where they are."""

    folder: Path
    when: str
    steps: tuple[Json, ...]
    damage: str = ""
    _held: FileLock | None = field(default=None, init=False)

    def claim(self) -> bool:
        """Keep other windows from bringing it back, too, until it is discarded or this process is gone.

        False where another one is at it, or has done it already.
        """
        try:
            self._held = self._held or FileLock(self.folder / LOCK)
        except OSError:
            return False
        return (self.folder / LINES).exists()

    @property
    def summary(self) -> str:
        """What it holds, in words."""
        kinds = [_kind(entry) for entry in self._entries()]
        edits = sum(step["step"] == "do" and step["edit"]["kind"] == "labels" for step in self.steps)
        words = {"image": "opened image", "result": "result", "segmentation": "segmentation"}
        parts = [_count(kinds.count(kind), word) for kind, word in words.items() if kind in kinds]
        parts += [_count(edits, "edit of segments", "edits of segments")] * (edits > 0)
        return ", ".join(parts) or ("damaged: nothing of it can be read" if self.damage else "no images")

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
        except (*WRONG, *UNREADABLE) as error:
            log.warning("journal %s: a layer is lost: %s", self.folder.name, type(error).__name__)
            return None

    def _array(self, name: str) -> NDArray[Any]:
        """Raises ValueError where it is not what was written."""
        path = self.folder.resolve() / Path(name).name
        written = STORED.fullmatch(path.name)  # the version before wrote no checksum
        if written and file_sum(path) != int(written[1], 16):
            raise ValueError("its bytes are damaged")
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            array: NDArray[Any] = np.load(file, allow_pickle=False)
        return array

    @property
    def view(self) -> Json | None:
        """How things were looked at lately, as .view_snapshot tells; None where that is not known."""
        with suppress(OSError, ValueError, RecursionError):
            return unsealed((self.folder / VIEW).read_bytes().removesuffix(b"\n"))[0]
        return None

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
                try:
                    edit = self._revive(step["edit"], history.document, layers) if step["step"] == "do" else None
                except WRONG as error:
                    log.warning("journal %s: ended before step %d: %s", self.folder.name, number, type(error).__name__)
                    self.damage = DAMAGED.format(number)
                    return
                _again(history, step["step"], edit or GONE)
                yield number / len(self.steps)

    def _revive(self, edit: Json, document: Document, layers: Recovered) -> Edit | None:
        """None for an edit of a layer that is gone. Raises one of WRONG where it cannot be done."""
        if edit["kind"] == "together":
            parts = tuple(filter(None, (self._revive(part, document, layers) for part in edit["edits"])))
            return Together(edit["label"], parts) if parts else None
        if edit["kind"] == "landmark":
            before = document.landmarks.find(edit["id"])
            after = restore_landmark(edit["after"]) if edit["after"] else None
            return ChangeLandmark(before, after, edit["index"], edit["gesture"]) if before or after else None
        layer = layers.get(edit["layer"]["id"] if edit["kind"] == "add" else edit["layer"])
        return self._of_layer(edit, layer, document) if layer is not None else None

    def _of_layer(self, edit: Json, layer: Restored, document: Document) -> Edit:
        match edit["kind"], layer:
            case "add", _:
                return AddLayer(layer, edit["index"])
            case "remove", _:
                return RemoveLayer(layer, document.index(layer.id))
            case "move", _:
                return MoveLayer(layer, document.index(layer.id), edit["after"])
            case "rename", _:
                return RenameLayer(layer, layer.name, edit["after"])
            case "review", _ if edit["after"] in get_args(Review):
                return ReviewLayer(layer, layer.review, edit["after"])
            case "align", VolumeLayer():
                placed = restore_transform(edit["after"], self._array)
                return AlignLayer(layer, layer.transform, placed, edit["gesture"])
            case "labels", SegmentationLayer():
                return self._labels(edit, layer)
        raise ValueError(f"the edit {edit['kind']!r} is none of a {type(layer).__name__}")

    def _labels(self, edit: Json, layer: SegmentationLayer) -> EditLabels:
        before = layer.segmentation.segments
        after = restore_segments(edit["segments"]) if "segments" in edit else before
        if after != before:
            layer.segmentation.with_segments(after)  # raises where they do not fit the label maps
        boxes = self._boxes(edit["boxes"], layer) if "boxes" in edit else None
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

    def discard(self) -> bool:
        """Remove it for good; False where another window is bringing it back."""
        if not self.claim():
            return False
        discard(self.folder)
        if self._held is not None:
            self._held.release()
        return True


def unfinished(root: Path) -> list[Recovery]:
    """The journals under `root` whose process is gone and that hold at least one step, newest first.

    What cannot be read at the moment is left alone; what has no lines yet may be about to get some.
    """
    found = []
    for folder in root.glob(f"{DISCARDED}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in sorted(root.glob("*-*"), reverse=True) if root.is_dir() else []:
        try:
            read = None if _alive(folder) else read_steps(folder / LINES)
        except OSError as error:
            log.warning("journal %s: left alone: %s", folder.name, type(error).__name__)
            continue
        if read is None:
            continue
        recovery = Recovery(folder, _when(folder), *read)
        if recovery.steps or recovery.damage:
            found.append(recovery)
        else:
            recovery.discard()
    return found


def _alive(folder: Path) -> bool:
    """Raises OSError where that cannot be known."""
    if not (folder / LOCK).exists():
        return _alive_without_lock(folder)
    return is_locked(folder / LOCK)


def _alive_without_lock(folder: Path) -> bool:
    """Of a journal of the version before, which named its process."""
    try:
        pid, created = (folder / "pid").read_text().split()
        return bool(abs(psutil.Process(int(pid)).create_time() - float(created)) < 1)
    except (OSError, ValueError, psutil.Error):
        return False


def _when(folder: Path) -> str:
    """When it was begun, for people, as its name tells; and where, if not here: its window may still be open there on
    a network drive that tells no other computer of locks."""
    try:
        begun = f"{datetime.strptime(folder.name[:15], '%Y%m%d-%H%M%S'):%d %B %Y, %H:%M}"
    except ValueError:
        begun = folder.name
    computer = lock_computer(folder / LOCK)
    return f"{begun} on {computer}" if computer not in ("", socket.gethostname()) else begun


def _again(history: History, step: Step, edit: Edit) -> None:
    if step == "do":
        history.do(edit, again=True)
    elif step == "undo":
        history.undo(again=True)
    else:
        history.redo(again=True)


def _added(edit: Json) -> list[Json]:
    if edit["kind"] == "together":
        return [entry for part in edit["edits"] for entry in _added(part)]
    return [edit["layer"]] if edit["kind"] == "add" else []


def _kind(entry: Json) -> str:
    return "image" if "image" in entry else "segmentation" if "segmentation" in entry else "result"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
