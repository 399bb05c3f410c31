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
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from viewer.data.arrays import Json
from viewer.files.file_lock import FileLock, is_locked, lock_computer
from viewer.scene.edits import CompositeEdit, Edit
from viewer.scene.history import History, Step
from viewer.scene.journal.edit_codec import DecodeContext, LayersById, added_layers, decode_edit
from viewer.scene.journal.journal import DISCARDED, LINES, LOCK, STROKES, VIEW, discard, file_sum
from viewer.scene.journal.journal_lines import DAMAGED, decode_line, read_steps
from viewer.scene.journal.serialization import Restored, restore_layer
from viewer.scene.layer import VolumeLayer

log = logging.getLogger(__name__)

GONE = CompositeEdit(
    "Step on a layer that is gone", ()
)  # keeps its place, so that an undo after it means the right step
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
        """Keep other windows from bringing it back, too, until it is discarded or this object is gone.

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
        return (entry for step in self.steps if step["step"] == "do" for entry in added_layers(step["edit"]))

    def layers(self, load: Callable[[str], VolumeLayer | None]) -> LayersById:
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
            return decode_line((self.folder / VIEW).read_bytes().removesuffix(b"\n"))[0]
        return None

    def replay(self, history: History, layers: LayersById) -> None:
        """Do every step again; steps on layers that are gone change nothing."""
        for _ in self.replay_steps(history, layers):
            pass

    def replay_steps(self, history: History, layers: LayersById) -> Iterator[float]:
        """As `replay`, one step after the other, for who has to draw meanwhile: after each, the fraction that is done.

        What a person does meanwhile waits until the last: an undo of then must not take back a step of now.
        """
        context = DecodeContext(history.document, layers, self._array, self._read)
        with history.hold_steps():
            for number, step in enumerate(self.steps, 1):
                try:
                    edit = decode_edit(step["edit"], context) if step["step"] == "do" else None
                except WRONG as error:
                    log.warning("journal %s: ended before step %d: %s", self.folder.name, number, type(error).__name__)
                    self.damage = DAMAGED.format(number)
                    return
                _again(history, step["step"], edit or GONE)
                yield number / len(self.steps)

    def _read(self, at: int, count: int) -> bytes:
        with (self.folder / STROKES).open("rb") as file:
            file.seek(at)
            return file.read(count)

    def discard(self) -> bool:
        """Remove it for good; False where another window is bringing it back."""
        if not self.claim():
            return False
        discard(self.folder)
        if self._held is not None:
            self._held.release()
        return True


def find_recoveries(root: Path) -> list[Recovery]:
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
    """When it was begun, for people, as its name tells; and where, if not here.

    Its window may still be open there, on a network drive that tells no other computer of locks.
    """
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


def _kind(entry: Json) -> str:
    return "image" if "image" in entry else "segmentation" if "segmentation" in entry else "result"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
