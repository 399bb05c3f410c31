"""Files that hold bytes, told from pipes, sockets and devices, which may never answer, by looking before opening."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NO_FILE = "it is a pipe, socket or device, not a file: choose a file"
NO_WAITING: int = getattr(os, "O_NONBLOCK", 0)


def check_regular(path: str | Path) -> None:
    """Raises OSError where a path is no file, or cannot be looked at: for libraries that open it themselves."""
    _check(os.stat(path), path)


def open_regular(path: str | Path) -> FileIO:
    """The file, for unbuffered reading; it never waits, whatever takes the file's place meanwhile. Raises OSError."""
    check_regular(path)
    file = FileIO(path, opener=_open_without_waiting)
    try:
        _check(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | NO_WAITING)


def _check(status: os.stat_result, path: str | Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
