"""Where the images of a project are now: where they were, or in a folder that a person names; known by SHA-256."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.io.project.project_file import FileMark, Marks, file_mark
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now
from viewer.scene.layer import VolumeLayer, volume_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from viewer.data.arrays import ProgressCallback

FoundFiles = dict[str, tuple[str, ...]]  # the files of an image by its key
MOST = 200_000  # files of a folder that are looked at


@dataclass(frozen=True)
class MissingImage:
    """An image that is not where it was. changed: a file of its name is there, with other bytes."""

    key: str
    folder: str
    count: int
    changed: bool


def locate_files(
    marks: Marks, project: Path, progress: ProgressCallback
) -> tuple[FoundFiles, tuple[MissingImage, ...]]:
    """Look where the images of a project were, seen from its folder first. Slow: every byte is read.

    The files of the images that are there, by key; and those that are not. Raises OSError.
    """
    found: FoundFiles = {}
    missing = []
    done, total = 0, max(1, sum(mark.size for files in marks.values() for mark in files))
    for key, files in marks.items():
        places, changed = [], False
        for mark in files:
            progress(done / total)
            there = [path for path in _candidates(mark, project.parent) if path.is_file()]
            place = next((path for path in there if _is_same_file(path, mark)), None)
            changed |= bool(there) and place is None
            places.append(place)
            done += mark.size
        if all(places):
            found[key] = tuple(map(str, places))
        else:
            missing.append(MissingImage(key, str(Path(files[0].path).parent) if files else "", len(files), changed))
    return found, tuple(missing)


def search_folder(marks: Marks, folder: Path, progress: ProgressCallback) -> FoundFiles:
    """The files of those images all of whose files lie somewhere in a folder, by whatever names. Raises OSError."""
    sizes: dict[int, list[Path]] = {}
    wanted = {mark.size for files in marks.values() for mark in files}
    for path in _files(folder):
        size = path.stat().st_size
        if size in wanted:
            sizes.setdefault(size, []).append(path)
    known: dict[Path, str] = {}
    found: FoundFiles = {}
    for done, (key, files) in enumerate(marks.items()):
        report = partial(progress, done / len(marks))
        places = [_file_among(sizes.get(mark.size, ()), mark, known, report) for mark in files]
        if files and all(places):
            found[key] = tuple(map(str, places))
    return found


def load_image(key: str, mark: FileMark, files: tuple[str, ...], reader: Reader) -> VolumeLayer | None:
    """A layer of the image of that key; None where its files hold no such image (any more). Blocks.

    mark: of the first file, whose old path may be a part of the key.
    """
    moved = files[0] + key.removeprefix(mark.path) if key.startswith(mark.path) else key
    images, _ = index_now(files, reader)
    image = next((one for file in images for one in file.placements if one.key == moved), None)
    try:
        return volume_layer(load_now(image, reader), image=image) if image else None
    except OpenError:
        return None


def _candidates(mark: FileMark, folder: Path) -> Iterable[Path]:
    if mark.near:
        yield folder / mark.near
    yield Path(mark.path)


def _is_same_file(path: Path, mark: FileMark) -> bool:
    try:
        return path.stat().st_size == mark.size and file_mark(path)[1] == mark.sha256
    except OSError:
        return False


def _file_among(
    paths: Iterable[Path], mark: FileMark, known: dict[Path, str], report: Callable[[], None]
) -> Path | None:
    """The file with those bytes; one of the same name is looked at first. known: hashes so far."""
    name = Path(mark.path).name
    for path in sorted(paths, key=lambda path: path.name != name):
        report()
        if path not in known:
            known[path] = file_mark(path)[1]
        if known[path] == mark.sha256:
            return path
    return None


def _files(folder: Path) -> Iterable[Path]:
    count = 0
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            count += 1
            if count > MOST:
                return
            if path.is_file():
                yield path
