"""Locks on files: what says that another window or program is at work.

The system lets go of a lock when its process ends, however that ends: no clock and no recycled process id can be wrong
about it.
"""

from __future__ import annotations

import errno
import getpass
import os
import socket
import sys
from contextlib import contextmanager, suppress
from io import FileIO
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

BEYOND = 1 << 40  # a place that no file comes to: on Windows what is locked can be neither read nor written by others
TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
LOCKLESS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # some network file systems


@contextmanager
def locked(file: FileIO) -> Iterator[None]:
    """Hold an open file alone; waits until others are done. Raises OSError where its file system has no locks."""
    _lock(file, wait=True)
    try:
        yield
    finally:
        _unlock(file)


class FileLock:
    """A lock that is held from now on until `release`, or until the process is gone.

    Network file systems tell other computers of it. The file is made where it is not there, and stays; it says whose
    the lock is. wait: until another one lets go. Raises BlockingIOError, with the name of who has it, where it is
    taken; other OSErrors where the file cannot be made. Where a file system has no locks, the process that the file
    names is asked for; one of another computer counts as alive, and is left to that computer.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self.path = path
        self._file = _open_locked(path, wait=wait)
        with suppress(OSError):  # a full disk: the lock is held all the same
            self._file.truncate(0)
            self._file.write(f"{_user()}\t{socket.gethostname()}\t{os.getpid()}".encode())

    def release(self) -> None:
        """Let others have it. The file may be removed afterwards."""
        if not self._file.closed:
            with suppress(OSError):  # a file system without locks
                _unlock(self._file)
            self._file.close()

    def remove(self) -> None:
        """Let others have it, and take the file away."""
        self.release()
        with suppress(OSError):
            self.path.unlink()


def is_locked(path: Path) -> bool:
    """Whether somebody has the lock. Raises OSError where that cannot be known."""
    try:
        file = _open_locked(path, wait=False)
    except BlockingIOError:
        return True
    file.close()
    return False


def lock_computer(path: Path) -> str:
    """The computer of who took the lock last; "" where the file does not say."""
    with suppress(OSError), FileIO(path) as file:
        return (_owner(file) or ["", ""])[1]
    return ""


def _open_locked(path: Path, *, wait: bool) -> FileIO:
    """The file, locked until it is closed. Raises as FileLock does."""
    file = FileIO(path, "a+b")
    try:
        _lock(file, wait=wait)
    except OSError as error:
        owner = _owner(file)
        if error.errno in LOCKLESS and not _runs(owner):
            return file
        file.close()
        if error.errno in TAKEN | LOCKLESS:
            raise BlockingIOError(errno.EAGAIN, _name(owner)) from error
        raise
    return file


def _owner(file: FileIO) -> list[str]:
    """User, computer and process; none of them where the file does not say."""
    with suppress(OSError):
        file.seek(0)
        found = file.read(512).decode("utf-8", "replace").split("\t")
        return found if len(found) == 3 else []
    return []


def _name(owner: list[str]) -> str:
    return f"{owner[0] or 'somebody'} on {owner[1]}" if owner else "somebody"


def _runs(owner: list[str]) -> bool:
    if not owner or not owner[2].isdigit():
        return False
    return owner[1] != socket.gethostname() or psutil.pid_exists(int(owner[2]))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # nobody is named
        return ""


def _lock(file: FileIO, *, wait: bool) -> None:
    if sys.platform == "win32":
        file.seek(BEYOND)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _unlock(file: FileIO) -> None:
    if sys.platform == "win32":
        file.seek(BEYOND)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_UN)
