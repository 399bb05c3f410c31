"""Find files: walk folders, list ZIP archives and DICOMDIRs. Runs in a reader process.

A container (folder, archive, DICOMDIR) is opened one level at a time, so that the client can follow, stop and blame.
Nothing is unpacked to disk and no path that a file names is followed out of that file's folder.
"""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from viewer.io.errors import OpenError, sentence
from viewer.io.work_item import begin_item

MAX_MEMBERS = 100_000
MAX_MEMBER = 4 << 30  # bytes of one unpacked member
MAX_TOTAL = 64 << 30  # bytes of all members together
MAX_RATIO = 200  # unpacked to packed bytes; deflate cannot do much better than 1000 and images do not come near 200
HARMLESS = 16 << 20  # bytes below which a member's ratio does not matter
ARCHIVE_ENDING = ".zip"
ARCHIVES_WITHIN = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".bz2", ".xz")


@dataclass
class Contents:
    """What containers hold: files to look at, further containers, and what was refused with its reason."""

    files: list[str] = field(default_factory=list)
    containers: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def list_contents(containers: list[str], roots: list[str] | None = None) -> Contents:
    """Open every container one level deep; a path that is none of them is a file.

    roots: the real paths that were asked for, by default the containers: links out of all of them are not followed.
    """
    contents = Contents()
    for number, path in enumerate(containers):
        begin_item(number)
        try:
            _open(path, contents, containers if roots is None else roots)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            contents.refused.append((path, sentence(error)))
    return contents


def _open(path: str, contents: Contents, roots: list[str]) -> None:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        _folder(path, contents, roots)
    elif not stat.S_ISREG(mode):
        raise OpenError("It is a device or pipe, not a file; choose a file or a folder.")
    elif path.lower().endswith(ARCHIVE_ENDING):
        _archive(path, contents)
    elif Path(path).name.upper() == "DICOMDIR":
        _dicomdir(path, contents)
    else:
        contents.files.append(path)


def _folder(path: str, contents: Contents, roots: list[str]) -> None:
    """Files and folders in a folder, by their real paths: a link that leads back is met twice and dropped."""
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            link = entry.is_symlink()
            place = os.path.realpath(entry.path) if link else entry.path
            if link and (reason := _link_objection(place, roots)):
                contents.refused.append((entry.path, reason))
            elif (
                (os.path.isdir(place) if link else entry.is_dir())
                or entry.name.lower().endswith(ARCHIVE_ENDING)
                or entry.name.upper() == "DICOMDIR"
            ):
                contents.containers.append(place)
            elif os.path.isfile(place) if link else entry.is_file():
                contents.files.append(place)


def _link_objection(place: str, roots: list[str]) -> str:
    """Why a link to this real path is not followed; "" where it is."""
    if not os.path.exists(place):
        return "It is a link to something that is not there."
    if not any(place == root or place.startswith(os.path.join(root, "")) for root in roots):
        return "It is a link that leads out of the opened folder and was not followed: open what it leads to by itself."
    return ""


def _archive(path: str, contents: Contents) -> None:
    """The members of an archive as "archive.zip!member/name". Raises OpenError for an archive that is a bomb."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise OpenError("This ZIP archive is damaged or incomplete; copy it again from its source.") from error
    if len(members) > MAX_MEMBERS:
        raise OpenError(f"This ZIP archive claims {len(members):,} files; unpack it and open what you need.")
    total = sum(info.file_size for info in members)
    if total > MAX_TOTAL:
        raise OpenError(f"This ZIP archive would unpack to {total / 2**30:.0f} GB; unpack it and open what you need.")
    for info in members:
        name = f"{path}!{info.filename}"
        if any(part.startswith(".") or part == "__MACOSX" for part in info.filename.split("/") if part != ".."):
            continue
        reason = _objection(info)
        if reason:
            contents.refused.append((name, reason))
        elif info.filename.rsplit("/")[-1].upper() != "DICOMDIR":  # the archive lists its files itself
            contents.files.append(name)


def _objection(info: zipfile.ZipInfo) -> str:
    """Why a member is not opened; "" where nothing speaks against it."""
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link, which is not followed in an archive; unpack the archive and open the folder."
    if info.flag_bits & 1:
        return "It is encrypted; unpack the archive with its password and open the folder."
    if info.filename.lower().endswith(ARCHIVES_WITHIN) and not info.filename.lower().endswith(".nii.gz"):
        return "An archive within an archive is not opened; unpack the outer one first."
    if info.file_size > MAX_MEMBER:
        return f"It would unpack to {info.file_size / 2**30:.1f} GB; unpack the archive and open the folder."
    if info.file_size > HARMLESS and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        return (
            f"It claims to unpack from {info.compress_size:,} to {info.file_size:,} bytes, as an archive made to do "
            "harm would; it was not opened."
        )
    return ""


def _dicomdir(path: str, contents: Contents) -> None:
    """The files that a DICOMDIR names (PS3.3 F.3.2.2, Referenced File ID), confined to its folder."""
    from pydicom import dcmread

    base = Path(os.path.realpath(path)).parent
    header = dcmread(path, specific_tags=["DirectoryRecordSequence"], force=False)
    known: dict[Path, dict[str, Path]] = {}
    for record in header.get("DirectoryRecordSequence") or ():
        parts = record.get("ReferencedFileID")
        if not parts:
            continue
        names = [parts] if isinstance(parts, str) else [str(part) for part in parts]
        shown = "/".join(names)
        place = _file_within(base, names, known)
        if place is None:
            contents.refused.append((path, f"It names a file outside its folder ({shown!a:.80}); that was not opened."))
        elif not place.is_file():
            contents.refused.append(
                (str(place), f"{Path(path).name} lists this file but it is missing; copy the whole medium again.")
            )
        else:
            contents.files.append(str(place))


def _file_within(base: Path, names: list[str], known: dict[Path, dict[str, Path]]) -> Path | None:
    """The file under `base`, whatever the case of its letters; None where the names lead out of it."""
    if any(name in ("", ".", "..") or set(name) & set("/\\:\0") for name in names):
        return None
    place = base
    for name in names:
        if place not in known:
            known[place] = {child.name.upper(): child for child in place.iterdir()} if place.is_dir() else {}
        place = known[place].get(name.upper(), place / name)
    real = Path(os.path.realpath(place))
    return real if real.is_relative_to(base) else None
