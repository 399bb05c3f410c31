"""Copies of models: a model is hashed and loaded from files that only this process writes to.

So what is asked about is what runs, whatever becomes of the user's files meanwhile. Links are refused: what they lead
to is no part of the model. Nothing is unpacked that could do harm.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

import psutil

from viewer.compute.progress import Refusal
from viewer.settings import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST = 8 << 30  # bytes of a model, unpacked
MOST_MEMBERS = 2000
MOST_PACKED = 200  # times smaller than unpacked: weights do not shrink so much, bombs do
CHUNK = 1 << 20  # bytes copied at a time


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this process writes to, for the copy of a model; what killed processes left goes first.

    Raises Refusal.
    """
    root = cache_folder() / "models"
    try:
        root.mkdir(parents=True, exist_ok=True)
        for left in root.iterdir():
            number = left.name.partition("-")[0]
            if number.isdigit() and not psutil.pid_exists(int(number)):
                shutil.rmtree(left, ignore_errors=True)
        place = TemporaryDirectory(prefix=f"{os.getpid()}-", dir=root, ignore_cleanup_errors=True)
    except OSError as error:
        raise Refusal(f"the model cannot be copied to {root} ({error.strerror}): make room there.") from error
    with place as folder:
        yield Path(folder)


@contextmanager
def private_copy(files: Iterable[Path], root: Path) -> Iterator[Path]:
    """A folder with copies of files of the folder `root`, as copy_files makes it, within the `with`. Raises Refusal."""
    with private_folder() as place:
        yield copy_files(files, root, place)


def every_file(folder: Path) -> Iterator[Path]:
    """All that lies in a folder and below, links of every kind included. Raises Refusal where that is far too much."""
    count = 0
    for place, folders, names in os.walk(folder):
        for name in (*names, *(one for one in folders if (Path(place) / one).is_symlink())):
            count += 1
            if count > MOST_MEMBERS:
                raise Refusal(
                    f"{folder.name} holds more than {MOST_MEMBERS} files: choose a folder with a model alone."
                )
            yield Path(place) / name


def copy_files(files: Iterable[Path], root: Path, place: Path) -> Path:
    """Copies of files of the folder `root`, in a folder of the same name in `place`, which is returned.

    What is hashed is then what is loaded, whatever becomes of the files meanwhile. Raises Refusal where one is not
    there, is a link or no plain file, or where they are too large.
    """
    target, left = place / (root.name or "model"), min(LARGEST, shutil.disk_usage(place).free)
    for path in files:
        try:
            left -= _copy(path, root, target, left)
        except OSError as error:
            raise Refusal(f"{path.name} of the model cannot be read ({error.strerror}): get it again.") from error
    return target


def _copy(path: Path, root: Path, target: Path, most: int) -> int:
    """Copy one file; returns how many bytes it had. Raises Refusal for more than `most`, however it grows meanwhile."""
    copy, count = target / path.relative_to(root), 0
    copy.parent.mkdir(parents=True, exist_ok=True)
    with _open_plain(path, root) as source, copy.open("wb") as written:
        while part := source.read(CHUNK):
            count += len(part)
            if count > most:
                raise Refusal(f"the model {root.name} is larger than may be copied: make room on the disk.")
            written.write(part)
    return count


def _open_plain(path: Path, root: Path) -> BinaryIO:
    """A plain file below `root`, to read. Raises Refusal where it, or a folder on the way, is something else."""
    ways = [path, *(folder for folder in path.parents if folder.is_relative_to(root) and folder != root)]
    link = next((way for way in ways if way.is_symlink()), None)
    if link is not None:
        raise Refusal(f"{link.name} of the model is a link: copy the model whole (cp -rL), then choose the copy.")
    if any(not mark.isprintable() for mark in str(path.relative_to(root))):
        raise Refusal(f"a file of the model {root.name} has a name that cannot be shown: get the model again.")
    if not path.exists():
        raise Refusal(f"the model lacks its file {path.name}: get it again, whole.")
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Refusal(f"{path.name} of the model is no plain file: get the model again.")
    return file


def unpack_zip(path: Path, place: Path) -> Path:
    """The folder in a ZIP file, unpacked in `place`. Raises Refusal."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path.name, place)
            archive.extractall(place)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        OSError,
    ) as error:
        raise Refusal(f"{path.name} is damaged or no ZIP file that can be read here: get it again.") from error
    inner = list(place.iterdir())
    return inner[0] if len(inner) == 1 and inner[0].is_dir() else place


def _check_members(archive: zipfile.ZipFile, name: str, folder: Path) -> None:
    """Before anything is written: no way out of the folder, no bomb. zipfile reads no more than each member states."""
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if len(members) > MOST_MEMBERS or size > LARGEST or size > MOST_PACKED * max(packed, 1 << 16):
        raise Refusal(f"{name} would unpack to {size >> 20} MB in {len(members)} files: no model is like that.")
    for member in members:
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        link = (member.external_attr >> 16) & 0o170000 == 0o120000
        odd = ":" in member.filename or not member.filename.isprintable()
        if inside.is_absolute() or ".." in inside.parts or odd or link:
            raise Refusal(f"{name} holds a file that would be written outside its folder: it is not opened.")
    if size > shutil.disk_usage(folder).free:
        raise Refusal(f"there is no room on the disk to unpack {name}: it needs {size >> 20} MB.")
