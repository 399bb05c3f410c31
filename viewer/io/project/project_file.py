"""Projects on disk: a ZIP file of `project.json` and arrays (.npy). Runs in a reader process, capped in memory.

Images stay in their own files; the project knows the size and SHA-256 of each of these, and where it was, seen from the
project and absolutely. Nothing in it is code, and nothing is written to where a name in it says.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError  # of numpy, at the header of an array
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.files import atomic_write
from viewer.files.regular_file import check_regular, open_regular
from viewer.io.archive import Stamp
from viewer.io.errors import OpenError, SaveError
from viewer.scene.journal.project_state import Project, same_project
from viewer.scene.view_state import ViewState
from viewer.settings import application_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from viewer.data.arrays import Json

log = logging.getLogger(__name__)

ENDING = ".tomolens"
VERSION = 1
DOCUMENT = "project.json"
MOST_DOCUMENT = 64 << 20  # bytes
MOST_ARRAYS = 10_000
ARRAY = re.compile(r"arrays/\d{1,6}\.npy")
KINDS = "buif"  # of arrays: truth values, whole numbers, real numbers
CHANGED = (
    "it was changed since it was opened or saved here, perhaps in another window: use “Save project as…” with another "
    "name, or with its own to replace it."
)
DAMAGED = "It is damaged or no project of Tomolens: choose an earlier copy of it."


@dataclass(frozen=True)
class FileMark:
    """A file of an image, as it was when the project was saved. near: its path seen from the project's folder."""

    path: str
    near: str
    size: int
    sha256: str


Marks = dict[str, tuple[FileMark, ...]]  # of every image by its key


def save_project(project: Project, target: Path, overwrite: bool = False, known_sha256: str = "") -> tuple[int, str]:
    """Save a project: written beside, read back, compared, renamed. Its bytes and SHA-256. Raises SaveError.

    overwrite: whatever is there. known_sha256: of what was opened or saved last, which may be replaced unasked.
    """
    try:
        before = _replaceable(target, overwrite, known_sha256)
        if not target.parent.is_dir():
            raise FileNotFoundError(2, "no such folder")
        marks = {
            key: tuple(_mark(Path(path), target.parent) for path in files) for key, files in project.images.items()
        }
        atomic_write.sweep(target.parent)
        with atomic_write.temporary_folder(target.parent) as folder:
            made = folder / f"made{ENDING}"
            _write(project, marks, made)
            atomic_write.flush(made)
            again, marked = read_project(made)
            if not same_project(_as_read_back(project), again) or marked != marks:
                raise SaveError("it does not read back as it was: try again or use another drive.")
            size, sha256 = file_mark(made)
            if _stamp(target) != before:
                raise SaveError(CHANGED)
            made.replace(target)
            atomic_write.flush(target.parent)
        return size, sha256
    except (SaveError, OpenError) as error:
        raise SaveError(f"{target.name} was not saved: {error}") from error
    except (OSError, MemoryError) as error:
        log.warning("saving a project failed: %s", type(error).__name__)
        need = sum(array.nbytes for array in project.arrays.values())
        raise SaveError(
            f"{target.name} was not saved: {atomic_write.failure_reason(error, target.parent, need)}."
        ) from error


def open_project(path: Path) -> tuple[Project, Marks, str]:
    """What a project holds, and the SHA-256 of its file. Raises OpenError as read_project; OSError."""
    _, sha256 = file_mark(path)
    return *read_project(path), sha256


def read_project(path: Path) -> tuple[Project, Marks]:
    """What a project holds, all of it checked. Raises OpenError: one sentence."""
    check_regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            document = _read_document(archive)
            arrays = dict(_arrays(archive))
        findings = tuple(document.get("findings", ()))  # an older version wrote none
        view = dict(document["view"])
        project = Project(tuple(document["layers"]), tuple(document["landmarks"]), view, arrays, findings)
        marks = {str(key): tuple(FileMark(**_texts(one)) for one in document["images"][key]) for key in project.images}
        _check(project)
    except OpenError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, SyntaxError, TokenError) as error:
        raise OpenError(DAMAGED) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        log.warning("a project is not understood: %s", type(error).__name__)
        raise OpenError(DAMAGED) from error
    except MemoryError as error:
        raise OpenError("It needs more memory than there is: close other images and try again.") from error
    return project, marks


def file_mark(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file. Raises OSError."""
    with open_regular(path) as file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _replaceable(target: Path, overwrite: bool, known_sha256: str) -> Stamp | None:
    """The stamp of what is there and may be replaced. Raises SaveError where something is there that may not."""
    stamp = _stamp(target)
    if target.is_dir() or (stamp and not overwrite and not known_sha256):
        raise SaveError("it is already there: choose another name, or ask to replace it.")
    if stamp and not overwrite and file_mark(target)[1] != known_sha256:
        raise SaveError(CHANGED)
    return stamp


def _stamp(path: Path) -> Stamp | None:
    """What changes whenever a file is written or replaced; None where there is none."""
    try:
        return Stamp.of(path.stat())
    except FileNotFoundError:
        return None


def _mark(path: Path, folder: Path) -> FileMark:
    try:
        size, sha256 = file_mark(path)
    except OSError as error:
        raise SaveError(
            "the file of an image is no longer where it was: bring it back, or save the project with its images."
        ) from error
    try:
        near = Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        near = ""
    return FileMark(str(path), near, size, sha256)


def _write(project: Project, marks: Marks, path: Path) -> None:
    document: Json = {
        "tomolens_project": VERSION,
        "written_by": application_version(),
        "layers": project.layers,
        "landmarks": project.landmarks,
        "findings": project.findings,
        "view": project.view,
        "images": {key: [mark.__dict__ for mark in found] for key, found in marks.items()},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(DOCUMENT, json.dumps(document, indent=1, allow_nan=False))
        for name, array in project.arrays.items():
            with archive.open(name, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def _as_read_back(project: Project) -> Project:
    """A project as JSON gives it back: lists for tuples."""
    told = [project.layers, project.landmarks, project.view, project.findings]
    layers, landmarks, view, findings = json.loads(json.dumps(told))
    return Project(tuple(layers), tuple(landmarks), view, project.arrays, tuple(findings))


def _read_document(archive: zipfile.ZipFile) -> Json:
    names = archive.namelist()
    if len(set(names)) < len(names) or len(names) > MOST_ARRAYS:
        raise ValueError("names that are there twice, or too many")
    if archive.getinfo(DOCUMENT).file_size > MOST_DOCUMENT:
        raise ValueError("far too long a description")
    document: Json = json.loads(archive.read(DOCUMENT))
    if (version := document["tomolens_project"]) != VERSION:
        newer = isinstance(version, int) and version > VERSION
        raise OpenError("It was saved by a newer Tomolens: update this one to open it." if newer else DAMAGED)
    return document


def _arrays(archive: zipfile.ZipFile) -> Iterator[tuple[str, NDArray[Any]]]:
    for member in archive.infolist():
        if member.filename == DOCUMENT:
            continue
        if not ARRAY.fullmatch(member.filename):
            raise ValueError("a member that no project has")
        with archive.open(member) as file:
            yield member.filename, _array(file, member.file_size)


def _array(file: Any, size: int) -> NDArray[Any]:
    """What numpy wrote; nothing is allocated that the member is not long enough for."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError("an array of another kind")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    count = int(np.prod(shape, dtype=object))
    if fortran or dtype.kind not in KINDS or not 0 <= count * dtype.itemsize <= size:
        raise ValueError("an array that its bytes do not hold")
    array = np.empty(shape, dtype)
    view = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    done = 0
    while done < len(view):
        if not (read := file.readinto(view[done : done + (1 << 24)])):
            raise EOFError("an array is cut off")
        done += read
    return array


def _texts(entry: Json) -> Json:
    if not isinstance(entry["size"], int) or not all(
        isinstance(entry[name], str) for name in ("path", "near", "sha256")
    ):
        raise TypeError("a file that is no file")
    return entry


def _check(project: Project) -> None:
    """Restore all but the images once: what the window would choke on is refused here."""
    project.restored(lambda key: None)
    for entry in project.layers:
        if "image" in entry and not (
            isinstance(entry["image"], str) and all(isinstance(one, str) for one in entry["files"])
        ):
            raise TypeError("an image that is none")
        if not all(isinstance(entry[name], str) for name in ("id", "name")):
            raise TypeError("a layer without a name")
    project.restore_view(ViewState())
    len(project.pairs), len(project.entries)
