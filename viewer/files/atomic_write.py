"""How a file or folder appears whole or not at all: made beside under a temporary name, flushed, renamed."""

from __future__ import annotations

import errno
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from viewer.files.file_lock import FileLock, is_locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

TEMPORARY = ".tomolens-"
LOCK = ".lock"
STALE = 24 * 3600  # seconds after which a temporary folder without a lock is what a killed program left behind
REASONS = {
    errno.ENOSPC: "the disk is full: free about {need:.0f} MB or choose another place",
    errno.EDQUOT: "your disk quota is used up: free about {need:.0f} MB or choose another place",
    errno.EROFS: "that place is read-only: choose another one",
    errno.EACCES: "you may not write there: choose another place",
    errno.EPERM: "you may not write there: choose another place",
    errno.ENOENT: "the folder is not there (any more): reconnect the drive or choose another place",
    errno.ENOTDIR: "that place is a file, not a folder: choose another place",
    errno.EIO: "the drive failed: check it or choose another place",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A hidden folder on the target's own file system, gone at the end whatever happens; locked until then."""
    folder = parent / f"{TEMPORARY}{uuid4().hex}"
    folder.mkdir(mode=0o700)
    try:
        lock = FileLock(folder / LOCK)
        try:
            yield folder
        finally:
            lock.release()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what a program that was killed while saving left here."""
    for folder in parent.glob(f"{TEMPORARY}*"):
        with suppress(OSError):  # gone meanwhile, or not ours to remove
            if folder.is_dir() and _left_behind(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _left_behind(folder: Path) -> bool:
    """Raises OSError where that cannot be known."""
    if not (folder / LOCK).exists():  # of the version before, or just being made
        return time.time() - folder.stat().st_mtime > STALE
    return not is_locked(folder / LOCK)


def flush(path: Path) -> None:
    """Make the disk hold a file or folder, not only the system's memory. Raises OSError."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append(file: FileIO, data: bytes) -> None:
    """Write at the end of a file, and wait until the disk has it. Raises OSError; nothing of it stays then."""
    end = file.seek(0, os.SEEK_END)
    try:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(end)
        raise


def replace_files(*files: tuple[Path, Path]) -> None:
    """Put new files in the places of their targets: (new, target) each; all of them, or none. Raises OSError.

    All but the last are small: what they replace is held in memory meanwhile.
    """
    beside = [(target, target.read_bytes() if target.exists() else None) for _, target in files[:-1]]
    try:
        for new, target in files:
            new.replace(target)
    except OSError:
        for target, before in beside:
            if before is None:
                target.unlink(missing_ok=True)
            else:
                target.write_bytes(before)
        raise
    flush(files[-1][1].parent)


def failure_reason(error: BaseException, folder: Path, need: int) -> str:
    """Why writing into the folder failed, and what to do; need: bytes that were to be written."""
    if isinstance(error, MemoryError):
        return "there is not enough memory: close other images and try again"
    number = error.errno if isinstance(error, OSError) else None
    if number not in REASONS and folder.is_dir() and shutil.disk_usage(folder).free < need:
        number = errno.ENOSPC  # SimpleITK says only that writing failed
    return REASONS.get(number or 0, "the file could not be written or read back").format(need=need / 2**20)
