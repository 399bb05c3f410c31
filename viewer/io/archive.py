"""The bytes of a file, of a member of an archive, or of what is packed in either, without unpacking to disk.

Whether something is packed (gzip, bzip2, xz) is known by its first bytes, never by its name. Runs in a reader process.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from viewer.files.regular_file import check_regular, open_regular
from viewer.io.errors import OpenError
from viewer.io.find_files import ARCHIVE_ENDING, HARMLESS, MAX_MEMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GZIP = b"\x1f\x8b\x08"
PACKINGS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    GZIP: lambda file: cast("BinaryIO", gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast("BinaryIO", bz2.BZ2File(file)),
    b"\xfd7zXZ\0": lambda file: cast("BinaryIO", lzma.LZMAFile(file)),  # noqa: SIM115  whoever opened the file closes it
}
ZSTANDARD = b"\x28\xb5\x2f\xfd"
MAX_RATIO = 1032  # unpacked to packed bytes: deflate packs no tighter
PIECE = 1 << 20
# What zipfile raises at a damaged member.
BROKEN_MEMBER = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, UnicodeError)
DAMAGED = "What is packed in it is cut off or damaged; copy it again from its source."


class Stamp(NamedTuple):
    """What tells that a file on disk (or the archive that a member is in) is still the one that was indexed."""

    size: int
    modified: int  # ns
    changed: int  # ns; its place in the folder, name or rights, too
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of a file that os.stat describes."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def same(self, other: Stamp) -> bool:
        """False where the bytes or the file itself were exchanged.

        Some network drives number their files anew whenever they like: another number counts where the time of the
        last change differs, too, as it does after every exchange.
        """
        same_file = self.inode == other.inode or self.changed == other.changed
        return same_file and self[:2] == other[:2]


def member_of(path: str) -> tuple[str, str] | None:
    """Archive and member of an "archive.zip!member/name"; None for the path of a file."""
    mark = path.lower().find(f"{ARCHIVE_ENDING}!") + len(ARCHIVE_ENDING)
    if mark < len(ARCHIVE_ENDING) or os.path.exists(path):
        return None
    return path[:mark], path[mark + 1 :]


def stamp_of(path: str) -> Stamp:
    """The stamp of a file, or of the archive it is in. Raises OSError."""
    inside = member_of(path)
    return Stamp.of(os.stat(inside[0] if inside else path))


def length_of(path: str) -> int:
    """Bytes of a file as it is on disk, or of a member unpacked from its archive."""
    inside = member_of(path)
    return len(_read_member(*inside)) if inside else os.path.getsize(path)


def open_stored(path: str) -> BinaryIO:
    """A file for unbuffered reading, or a member in memory. Raises OSError or OpenError."""
    inside = member_of(path)
    return BytesIO(_read_member(*inside)) if inside else open_regular(path)  # the caller closes it


def open_unchanged(path: str, stamp: Stamp | None) -> BinaryIO:
    """A file or member as `open_stored` opens it. Raises OpenError where it has changed since it was indexed.

    stamp: of when it was indexed; None where that is not known.
    """
    if member_of(path):
        _compare(stamp, stamp_of(path))
        return open_stored(path)
    file = open_stored(path)
    try:
        _compare(stamp, Stamp.of(os.fstat(file.fileno())))
    except OpenError:
        file.close()
        raise
    return file


def _compare(stamp: Stamp | None, now: Stamp) -> None:
    if stamp is not None and not stamp.same(now):
        raise OpenError("It has changed since it was indexed; open its folder again.")


@contextmanager
def open_content(
    path: str, begins: Callable[[bytes], bool] = lambda start: True
) -> Iterator[tuple[BinaryIO, int, Stamp]]:
    """What a file or member holds, unpacked where it is packed: seekable; its bytes; the stamp of what is on disk.

    begins: says of the first 132 bytes of what is packed whether the rest is worth unpacking. Raises OpenError.
    """
    inside = member_of(path)
    if inside:
        with _open_member(*inside) as (file, size):
            yield *_content(file, size, begins), stamp_of(path)
        return
    with open_regular(path) as file:
        stamp = Stamp.of(os.fstat(file.fileno()))
        yield *_content(file, stamp.size, begins), stamp


def unpack(file: BinaryIO) -> BinaryIO:
    """The file itself, or in its place what is packed in it, in memory. Raises OpenError."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    content, _ = _content(file, size, lambda start: True)
    if content is not file:
        file.close()
    return content


def first_bytes(path: str, count: int) -> bytes:
    """The first `count` bytes of what a file or member holds, unpacked. Raises OSError or OpenError."""
    with open_stored(path) as file, unpacking_faults():
        return (unpacked_stream(file) or file).read(count)


def is_there(path: str) -> bool:
    """Whether there is a file, link or member of that path."""
    inside = member_of(path)
    if inside is None:
        return os.path.lexists(path)
    return inside[1] in _open_archive(inside[0], Stamp.of(os.stat(inside[0]))).NameToInfo


def read_small(path: str, most: int, longer: str = "") -> bytes:
    """The bytes of a file or member, as they are. Raises OSError; OpenError where there are more than `most`.

    longer: the sentence that is said then.
    """
    inside = member_of(path)
    with _open_member(*inside) if inside else nullcontext((open_stored(path), 0)) as (file, _), file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OpenError(longer or f"It is longer than {most:,} bytes.")
    return data


def packing_of(path: str) -> bytes:
    """The first bytes that tell how a file or member is packed, a key of PACKINGS; b"" where it is not."""
    inside = member_of(path)
    with _open_member(*inside) if inside else nullcontext((open_stored(path), 0)) as (file, _), file:
        return _packing(file)


def unpacked_stream(file: BinaryIO) -> BinaryIO | None:
    """A stream of what is packed in a file; None where nothing is. Raises OpenError."""
    packing = _packing(file)
    return PACKINGS[packing](file) if packing else None


@contextmanager
def unpacking_faults() -> Iterator[None]:
    """What decompressors raise becomes OpenError."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise OpenError(DAMAGED) from error
    except OSError as error:
        if error.errno is not None:
            raise  # of the drive
        raise OpenError(DAMAGED) from error


def _packing(file: BinaryIO) -> bytes:
    start = file.read(10)
    file.seek(0)
    if start.startswith(ZSTANDARD):
        raise OpenError("It is packed with Zstandard, which is not read: unpack it first (unzstd).")
    if start.startswith(b"BZh") and start[4:] != b"1AY&SY":
        return b""  # a text that begins so
    return next((magic for magic in PACKINGS if start.startswith(magic)), b"")


def _content(file: BinaryIO, size: int, begins: Callable[[bytes], bool]) -> tuple[BinaryIO, int]:
    stream = unpacked_stream(file)
    if stream is None:
        return file, size
    most = min(MAX_MEMBER, max(HARMLESS, MAX_RATIO * size))
    content = BytesIO()
    with unpacking_faults():
        start = stream.read(132)
        if not begins(start):
            raise OpenError("It is packed, and no DICOM file is in it.")
        content.write(start)
        while piece := stream.read(PIECE):
            content.write(piece)
            if content.tell() > most:
                raise OpenError(
                    f"It would unpack from {size:,} to more than {most:,} bytes, as a file made to do harm would; "
                    "it was not opened."
                )
    content.seek(0)
    return content, content.getbuffer().nbytes


@contextmanager
def _open_member(archive: str, member: str) -> Iterator[tuple[BinaryIO, int]]:
    """A member, seekable, and its unpacked size. Raises OpenError where it is damaged or encrypted."""
    try:
        opened = _open_archive(archive, Stamp.of(os.stat(archive)))
        info = opened.getinfo(member)
        with opened.open(info) as file:
            yield cast("BinaryIO", file), info.file_size
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        KeyError,
        EOFError,
        UnicodeError,
    ) as error:
        raise OpenError("It is damaged inside its ZIP archive; copy the archive again from its source.") from error


def _read_member(archive: str, member: str) -> bytes:
    """The unpacked member. Raises OpenError where it is not as long as the archive says, or damaged."""
    with _open_member(archive, member) as (file, size):
        data = file.read(min(size, MAX_MEMBER) + 1)
    if len(data) != size:
        raise OpenError("It is not as long as its ZIP archive says; the archive is damaged or hostile.")
    return data


@lru_cache(maxsize=1)
def _open_archive(archive: str, stamp: Stamp) -> zipfile.ZipFile:
    check_regular(archive)
    return zipfile.ZipFile(archive)
