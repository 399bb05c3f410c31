"""How much memory may be taken: of the machine, or of a control group (container, batch system); what is given back."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC, MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
Names = tuple[str, str, str]  # of the files: limit, usage, and in memory.stat what is cached and can be given back
NEWER: Names = ("memory.max", "memory.current", "inactive_file")
OLDER: Names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def total_memory() -> int:
    """Bytes that this process and its like may take in all."""
    return min([int(psutil.virtual_memory().total), *(limit for limit, _ in _groups(PROC, MOUNT))])


def available_memory() -> int:
    """Bytes that may be taken now, without another program or this one being stopped for it."""
    free = (max(0, limit - used) for limit, used in _groups(PROC, MOUNT))
    return min([int(psutil.virtual_memory().available), *free])


def _groups(cgroup: Path, mount: Path) -> Iterator[tuple[int, int]]:
    """Limit and usage, in bytes, of every group with a limit that this process is in: each holds for all within.

    cgroup: a file of lines "number:controllers:path"; the newer kind of groups (version 2) names no controllers.
    """
    try:
        lines = cgroup.read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _limits(mount, path, NEWER)
        elif "memory" in controllers.split(","):
            yield from _limits(mount / "memory", path, OLDER)


def _limits(root: Path, path: str, names: Names) -> Iterator[tuple[int, int]]:
    """Of a group and all that it lies in, as far as they are there to see: a container sees itself as the root."""
    place = root / path.lstrip("/")
    for folder in (place, *place.parents):
        if found := _limit(folder, names):
            yield found
        if folder == root:
            return


def _limit(folder: Path, names: Names) -> tuple[int, int] | None:
    """None where a group has no limit ("max"), or tells of none."""
    try:
        limit, used = (int((folder / name).read_text()) for name in names[:2])
    except (OSError, ValueError):
        return None
    return limit, max(0, used - _cached(folder / "memory.stat", names[2]))


def _cached(facts: Path, name: str) -> int:
    try:
        return int(dict(line.split() for line in facts.read_text().splitlines())[name])
    except (OSError, ValueError, KeyError):
        return 0


def release_freed_memory() -> None:
    """Give the system back what this process has freed: glibc keeps it where a small block lies above (malloc_trim(3)).

    On Linux with glibc; elsewhere nothing. Takes some milliseconds: not for the main thread.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
