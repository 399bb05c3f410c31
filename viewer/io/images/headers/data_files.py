"""The files of pixels that a header names, and what ITK gets to read in its place: a header that we wrote.

A header (MetaImage, NRRD, Analyze or NIfTI pair) may name files in its own folder or below, nothing else. ITK is given
links of harmless names beside a rewritten header, so that what it opens is what was checked, whatever it would make of
the header itself and of the names. Runs in a reader process.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from viewer.data.printable_text import printable
from viewer.io.archive import GZIP, member_of, open_content, open_stored, packing_of, unpack
from viewer.io.errors import OpenError
from viewer.io.images.headers.header_lines import LONGEST
from viewer.io.images.headers.meta_image_header import MetaImage, parse_meta_image
from viewer.io.images.headers.nrrd_header import Nrrd, parse_nrrd
from viewer.processes.shared_array import FOLDER, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKED = (".gz", ".bz2", ".xz")  # after the ending of a volume; what is packed, and how, the bytes tell
PICTURES = {".png": "PNGImageIO", ".jpg": "JPEGImageIO", ".jpeg": "JPEGImageIO"}
VOLUMES = {
    ".nii": "NiftiImageIO",
    ".hdr": "NiftiImageIO",
    ".nrrd": "NrrdImageIO",
    ".nhdr": "NrrdImageIO",
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
}
FORMATS = VOLUMES | PICTURES | {ending + packed: io for ending, io in VOLUMES.items() for packed in PACKED}
NIFTI = tuple(ending for ending, io in FORMATS.items() if io == "NiftiImageIO")
HEADERS = (".hdr", ".nhdr", ".mhd")  # whose pixels lie in a file beside them


def ending_of(path: str) -> str:
    """The ending by which we know a format, such as ".nii.gz"; "" where there is none."""
    name = path.lower()
    return max((ending for ending in FORMATS if name.endswith(ending)), key=len, default="")


def files_of(path: str) -> tuple[str, ...]:
    """The file, and those of its pixels where they lie apart. Raises OpenError where one is outside its folder."""
    return _files(path, text_header(path))


def _files(path: str, header: MetaImage | Nrrd | None) -> tuple[str, ...]:
    if header:
        return path, *(_data_file(path, os.fsdecode(name.encode("latin-1"))) for name in header.names)
    if ending_of(path).startswith(".hdr"):
        return path, _data_file(path, _name_of_pixels(path))
    return (path,)


def belongs_to_header(path: str) -> bool:
    """True for the pixels that a header in the same folder names: they are opened with it."""
    if member_of(path):
        return False
    real = os.path.realpath(path)
    folder = os.path.dirname(real)
    return real in _data_files_in(folder, os.stat(folder).st_mtime_ns)


@lru_cache(maxsize=8)
def _data_files_in(folder: str, modified: int) -> frozenset[str]:
    """The files of pixels that the headers in a folder name. modified: when that folder was."""
    named: set[str] = set()
    for name in os.listdir(folder):
        if ending_of(name).startswith(HEADERS):
            with suppress(OpenError, OSError):  # such a header is refused when it is looked at itself
                named.update(files_of(os.path.join(folder, name))[1:])
    return frozenset(named)


@contextmanager
def readable_by_itk(path: str) -> Iterator[tuple[str, int]]:
    """Where ITK reads it, and the bytes that it finds there. What ITK cannot unpack is unpacked into memory."""
    header = text_header(path)
    files = _files(path, header)
    stem = f"{PREFIX}{os.getpid()}-{uuid4().hex}"
    created: list[Path] = []
    try:
        if header:
            pixels = files[1:] or files
            created += [FOLDER / f"{stem}.{n}" for n in range(len(pixels))]
            for one, place in zip(pixels, created, strict=True):
                _link_or_copy(one, place, packed=not header.names)
            created.append(FOLDER / (stem + (".mhd" if isinstance(header, MetaImage) else ".nhdr")))
            with _create_private(created[-1]) as file:
                file.write(header.rewritten([one.name for one in created[:-1]], created[0].stat().st_size))
        else:
            for one, ending in zip(files, _itk_endings(path, files), strict=True):
                created.append(FOLDER / (stem + ending))
                _link_or_copy(one, created[-1], packed=not ending.endswith(".gz"))
        yield str(created[-1] if header else created[0]), sum(place.stat().st_size for place in created)
    finally:
        for place in created:
            place.unlink(missing_ok=True)


def _itk_endings(path: str, files: Sequence[str]) -> Iterator[str]:
    """What the files are to be called for ITK, which knows by its name whether a NIfTI file is packed."""
    ending = ending_of(path)
    bare = next((ending.removesuffix(packed) for packed in PACKED if ending.endswith(packed)), ending)
    for file, one in zip(files, (bare, ".img")[: len(files)], strict=True):
        yield f"{one}.gz" if FORMATS[ending] == "NiftiImageIO" and packing_of(file) == GZIP else one


def text_header(path: str) -> MetaImage | Nrrd | None:
    """What a header in text says; None for other formats. Raises OpenError."""
    kind = FORMATS.get(ending_of(path))
    if kind not in ("MetaImageIO", "NrrdImageIO"):
        return None
    with open_content(path) as (file, _, _):
        start = file.read(LONGEST)
    return parse_meta_image(start) if kind == "MetaImageIO" else parse_nrrd(start)


def _data_file(header: str, name: str) -> str:
    """The file of pixels that a header names. Raises OpenError where it is not in the header's folder or below."""
    shown = printable(name)[:80]
    if member_of(header):
        raise OpenError("Its pixels lie in another file of the archive; unpack the archive and open the folder.")
    folder = os.path.realpath(os.path.dirname(header))
    way = Path(name)
    place = os.path.realpath(os.path.join(folder, name)) if "\0" not in name else ""
    if way.is_absolute() or ".." in way.parts or not place.startswith(os.path.join(folder, "")):
        raise OpenError(f"Its header names pixels outside its own folder ({shown}); they were not read.")
    if not os.path.isfile(place):
        raise OpenError(f"Its pixels ({shown}) are not in its own folder: copy them beside it.")
    return place


def _name_of_pixels(header: str) -> str:
    """The name of the .img file that belongs to a .hdr."""
    stem = header[: -len(ending_of(header))]
    endings = (".img", ".IMG", ".img.gz", ".IMG.GZ", ".img.bz2", ".img.xz")
    return os.path.basename(stem) + next((one for one in endings if os.path.lexists(stem + one)), endings[0])


def _link_or_copy(file: str, place: Path, packed: bool) -> None:
    """A link to a file; a copy of a member of an archive and of what is packed, where that is to be unpacked."""
    if not member_of(file) and not (packed and packing_of(file)):
        try:
            place.symlink_to(os.path.abspath(file))
        except OSError:  # Windows, without the right to make links
            shutil.copyfile(file, place)
        return
    with open_stored(file) as stored, _create_private(place) as copy:
        shutil.copyfileobj(unpack(stored) if packed else stored, copy)


def _create_private(place: Path) -> BinaryIO:
    """A new file that no other user may read."""
    return open(place, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))
