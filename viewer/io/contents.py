"""The bytes of a file, or of a member of an archive without unpacking it to disk. Runs in a reader process."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from typing import BinaryIO, cast

from viewer.data.regular_file import check_regular, open_regular
from viewer.io.failure import OpenError
from viewer.io.find import ARCHIVE_ENDING, MAX_MEMBER


def member_of(path: str) -> tuple[str, str] | None:
    """Archive and member of an "archive.zip!member/name"; None for the path of a file."""
    mark = path.lower().find(f"{ARCHIVE_ENDING}!") + len(ARCHIVE_ENDING)
    if mark < len(ARCHIVE_ENDING) or os.path.exists(path):
        return None
    return path[:mark], path[mark + 1 :]


@contextmanager
def open_member(archive: str, member: str) -> Iterator[tuple[BinaryIO, int]]:
    """A member, seekable, and its unpacked size. Raises OpenError where it is damaged or encrypted."""
    try:
        opened = _opened(archive, os.stat(archive).st_mtime_ns)
        info = opened.getinfo(member)
        with opened.open(info) as file:
            yield cast(BinaryIO, file), info.file_size
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError, EOFError) as error:
        raise OpenError("It is damaged inside its ZIP archive; copy the archive again from its source.") from error


def member_bytes(archive: str, member: str) -> bytes:
    """The unpacked member. Raises OpenError where it is not as long as the archive says, or damaged."""
    with open_member(archive, member) as (file, size):
        data = file.read(min(size, MAX_MEMBER) + 1)
    if len(data) != size:
        raise OpenError("It is not as long as its ZIP archive says; the archive is damaged or hostile.")
    return data


@lru_cache(maxsize=1)
def _opened(archive: str, mtime_ns: int) -> zipfile.ZipFile:
    check_regular(archive)
    return zipfile.ZipFile(archive)


def modified(path: str) -> float:
    """When the file, or the archive it is in, was last written: seconds."""
    inside = member_of(path)
    return os.stat(inside[0] if inside else path).st_mtime


def open_unchanged(path: str, size: int, mtime: float) -> BinaryIO:
    """The file, open for unbuffered reading. Raises OpenError where it is not what was indexed."""
    inside = member_of(path)
    if inside:
        data = member_bytes(*inside)
        file: BinaryIO = BytesIO(data)
        changed = len(data) != size or bool(mtime and modified(path) != mtime)
    else:
        file = open_regular(path)  # the caller closes it
        status = os.fstat(file.fileno())
        changed = status.st_size != size or bool(mtime and status.st_mtime != mtime)
    if changed:
        file.close()
        raise OpenError("It has changed since it was indexed; open its folder again.")
    return file
