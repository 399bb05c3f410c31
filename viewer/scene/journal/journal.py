"""Edits on disk before they are shown: what makes a crash cost nothing.

A journal is a private folder: `journal.jsonl` has one line a step ({"step": "do", "edit": {…}, "crc": …}), arrays that
a plugin made lie beside it as .npy files. Images that came from files are named by path and read again. Label maps are
stored as they were when they came (.npy.gz), also those of files, which may be saved over meanwhile; what a stroke
wrote is appended to `strokes`, and its line tells where. `view.json` is how things were looked at lately. Everything
has a checksum. The lock on `lock` says that the session lives. A clean end removes the folder; .replay
offers back what is left behind.
"""

from __future__ import annotations

import errno
import gzip
import logging
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from datetime import datetime
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from viewer.data.arrays import Json
from viewer.files import atomic_write
from viewer.files.file_lock import FileLock
from viewer.scene.edits import Edit
from viewer.scene.history import Step
from viewer.scene.journal.edit_codec import EncodeContext, encode_edit
from viewer.scene.journal.journal_lines import encode_line
from viewer.scene.segmentation.label_delta import FAST

log = logging.getLogger(__name__)

DISCARDED = "discarded."  # begins the name of a journal that is being removed
LINES, LOCK, VIEW = "journal.jsonl", "lock", "view.json"
CHUNK = 1 << 22  # bytes that are read at once
STROKES = "strokes"  # the file of what strokes wrote, one after the other


class Journal:
    """Writes the steps of one session under `root`. Raises OSError where the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.folder = root / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}-{uuid4().hex[:6]}"
        self.folder.mkdir(parents=True, mode=0o700)
        try:
            self._held = FileLock(self.folder / LOCK, wait=True)  # another start may look at it at this moment
            self._lines, self._strokes = AppendFile(self.folder / LINES), AppendFile(self.folder / STROKES)
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._sum = 0  # of the lines so far
        self._stored: WeakValueDictionary[str, NDArray[Any]] = WeakValueDictionary()
        self._lock = Lock()

    def store(self, array: NDArray[Any], *, packed: bool = False) -> str:
        """Write an array, once; its file name. Slow for large arrays: called off the main thread beforehand.

        packed: compressed, as label maps are, which shrink a hundredfold.
        """
        with self._lock:
            known = next((name for name, kept in self._stored.items() if kept is array), None)
            if known is not None:
                return known
            made = self.folder / f"{uuid4().hex}.npy{'.gz' if packed else ''}"
            try:
                _write(made, array, packed)
                name = f"{made.name.partition('.')[0]}-{file_sum(made):08x}.npy{'.gz' if packed else ''}"
                made.rename(self.folder / name)
            except OSError:
                made.unlink(missing_ok=True)
                raise
            self._stored[name] = array
            return name

    def record(self, step: Step, edit: Edit) -> None:
        """Append a step and wait until the disk has it."""
        context = EncodeContext(self.store, self._store_labels, self._strokes.append)
        entry = {"step": step, "edit": encode_edit(edit, context)} if step == "do" else {"step": step}
        line, total = encode_line(entry, self._sum)
        self._lines.append(line)
        self._sum = total

    def write_view(self, view: Json) -> None:
        """Write how things are looked at, in place of what was written before: whole or not at all. In any thread."""
        made = self.folder / f"{VIEW}.new"
        made.write_bytes(encode_line(view)[0])
        made.replace(self.folder / VIEW)

    def close(self) -> None:
        """Remove the journal at a clean end: nothing is left to recover."""
        self.abandon()
        discard(self.folder)

    def abandon(self) -> None:
        """Leave it behind, as a process that is killed does."""
        self._lines.close()
        self._strokes.close()
        self._held.release()

    def _store_labels(self, labels: NDArray[Any]) -> str:
        """Strokes write to it from now on: what is stored is of no use for the same array later."""
        name = self.store(labels, packed=True)
        del self._stored[name]
        return name


class JournalKeeper:
    """A journal, made at the first step, that never stands in the way of the work.

    When the disk refuses, `say` gets one sentence, once. What could not be written is tried again with every later
    step, and `say` hears when it succeeds.
    """

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        self._root = root
        self._say = say
        self._journal: Journal | None = None
        self._beginning = Lock()
        self._waiting: list[tuple[Step, Edit]] = []
        self._failed = False

    def record(self, step: Step, edit: Edit) -> None:
        """Append a step, if the disk lets us."""
        self._waiting.append((step, edit))
        self._try(self._catch_up)

    def store(self, arrays: Iterable[NDArray[Any]], *, packed: bool = False) -> None:
        """Write the arrays of results in any thread, so that recording their edit takes no time."""
        for array in arrays:
            self._try(lambda journal, array=array: journal.store(array, packed=packed))  # type: ignore[misc]

    def write_view(self, view: Json) -> None:
        """Write how things are looked at, if there is something to recover; a disk that refuses costs the view only."""
        if self._journal is not None:
            with suppress(OSError):
                self._journal.write_view(view)

    def close(self) -> None:
        """Remove the journal: nothing that was written is needed any more. A further step begins another one."""
        self._waiting.clear()
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _catch_up(self, journal: Journal) -> None:
        while self._waiting:
            journal.record(*self._waiting[0])
            self._waiting.pop(0)
        if self._failed:
            self._failed = False
            self._say("Unsaved work is safe from a crash again.")

    def _try(self, verb: Callable[[Journal], object]) -> None:
        try:
            with self._beginning:
                self._journal = self._journal or Journal(self._root)
            verb(self._journal)
        except OSError as error:
            if self._failed:
                return
            self._failed = True
            log.error("the journal cannot be written: %s", error.strerror)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            cure = "free some space" if full else f"see to it that {self._root} can be written"
            self._say(f"Unsaved work is not safe from a crash now ({error.strerror}): save soon, and {cure}.")


def discard(folder: Path) -> None:
    """Remove a journal at one blow, by another name: half of one must not be offered as if it were whole."""
    with suppress(OSError):
        folder = folder.rename(folder.with_name(f"{DISCARDED}{uuid4().hex}"))
    shutil.rmtree(folder, ignore_errors=True)


class AppendFile:
    """A file that grows at its end only."""

    def __init__(self, path: Path) -> None:
        self._file = FileIO(path, "ab")
        self._end = 0  # of what is whole: something may stand behind it that the disk did not take

    def append(self, data: bytes) -> int:
        """Write, and wait until the disk has it; at which byte that was. Raises OSError; nothing of it counts then."""
        found = os.fstat(self._file.fileno())
        if found.st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if found.st_size != self._end:
            self._file.truncate(self._end)
        atomic_write.append(self._file, data)
        at, self._end = self._end, self._end + len(data)
        return at

    def close(self) -> None:
        """Close the file; what was appended is on the disk already."""
        self._file.close()


def file_sum(path: Path) -> int:
    """The checksum of a file's bytes. Raises OSError."""
    total = 0
    with FileIO(path) as file:
        while part := file.read(CHUNK):
            total = crc32(part, total)
    return total


def _write(path: Path, array: NDArray[Any], packed: bool) -> None:
    with path.open("wb") as file:
        with gzip.GzipFile("", "wb", FAST, file) if packed else nullcontext(file) as stream:
            np.save(stream, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
