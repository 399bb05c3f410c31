"""What SimpleITK says of a file: size, type and place of its voxels, held against the bytes there are.

SimpleITK turns every convention into LPS. Runs in a reader process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from viewer.data.regular_file import check_regular
from viewer.data.shared import FOLDER, PREFIX
from viewer.io.contents import member_bytes, member_of
from viewer.io.failure import OpenError

MAX_RATIO = 1032  # deflate packs no tighter
HEADER = 1 << 16  # bytes in which a text header must be over
PICTURES = {".png": "PNGImageIO", ".jpg": "JPEGImageIO", ".jpeg": "JPEGImageIO"}
FORMATS = {
    ".nii": "NiftiImageIO",
    ".nii.gz": "NiftiImageIO",
    ".hdr": "NiftiImageIO",
    ".nrrd": "NrrdImageIO",
    ".nhdr": "NrrdImageIO",
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
    **PICTURES,
}
DETACHED = (".hdr", ".nhdr", ".mhd")  # headers whose pixels lie in a file beside them
PIXELS_BESIDE = (".img", ".img.gz", ".raw", ".zraw", ".raw.gz")
TEXT_HEADERS = (".nhdr", ".nrrd", ".mhd", ".mha")
DATA_FILE = re.compile(rb"^\s*(?:ElementDataFile\s*=|data ?file\s*:)\s*(.*?)\s*$", re.IGNORECASE | re.MULTILINE)
UNREADABLE = "It cannot be read as {format}: it is damaged, cut off or of another kind than its name says."


@dataclass(frozen=True)
class Facts:
    """What SimpleITK says of a file before its pixels are read; sizes and spacing in order i, j, k."""

    size: tuple[int, ...]
    components: int
    dtype: np.dtype[Any]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        i, j, k = (*self.size, 1, 1)[:3]
        return k, j, i

    @property
    def repeats(self) -> int:
        """What lies beyond the third dimension."""
        return int(np.prod(self.size[3:], dtype=np.int64))

    @property
    def times(self) -> int:
        """Time points as we show them: vectors component by component."""
        return 1 if self.color else self.repeats * self.components

    @property
    def color(self) -> bool:
        return self.components in (3, 4) and self.dtype in (np.uint8, np.uint16) and self.repeats == 1

    @property
    def bytes(self) -> int:
        return int(np.prod(self.size, dtype=object)) * self.components * self.dtype.itemsize


def ending_of(path: str) -> str:
    """The ending by which we know a format, such as ".nii.gz"; "" where there is none."""
    name = path.lower()
    return max((ending for ending in FORMATS if name.endswith(ending)), key=len, default="")


def facts_of(path: str) -> Facts:
    """From the header alone. Raises OpenError with one sentence."""
    with _on_disk(path) as (place, size):
        return _facts(place, size)


def voxels(path: str) -> tuple[NDArray[Any], Any]:
    """All voxels in SimpleITK's order, and the image that owns their memory: keep it as long. Raises OpenError."""
    import SimpleITK as sitk

    with _on_disk(path) as (place, size):
        _facts(place, size)
        try:
            image = _reader(place).Execute()
        except RuntimeError as error:
            raise OpenError(_unreadable(place)) from error
    return sitk.GetArrayViewFromImage(image), image


def metadata(path: str) -> dict[str, str]:
    """The key/value pairs of the header, as SimpleITK tells them. Raises OpenError."""
    with _on_disk(path) as (place, size):
        _facts(place, size)
        reader = _reader(place)
        reader.ReadImageInformation()
        return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}


def _reader(place: str) -> Any:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO(FORMATS[ending_of(place)])
    reader.SetFileName(place)
    return reader


def _facts(place: str, size: int) -> Facts:
    """Read the header and hold what it claims against the bytes there are. Raises OpenError."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    total = size + _size_beside(place)
    reader = _reader(place)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise OpenError(_unreadable(place)) from error
    kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    if "complex" in kind:
        raise OpenError("Its pixels are complex numbers; convert it to magnitude first.")
    dtype = _dtype(kind)
    dimension = reader.GetDimension()
    facts = Facts(
        reader.GetSize(), reader.GetNumberOfComponents(), dtype, reader.GetSpacing(), reader.GetOrigin(),
        np.array(reader.GetDirection()).reshape(dimension, dimension),
    )  # fmt: skip
    if facts.bytes > MAX_RATIO * total or min(facts.size) < 1:
        shape = " × ".join(map(str, facts.size))
        raise OpenError(f"It claims {shape} voxels, more than its {total:,} bytes can hold; it is damaged or cut off.")
    return facts


def _dtype(kind: str) -> np.dtype[Any]:
    """The numpy type for SimpleITK's words, such as "vector of 8-bit unsigned integer"."""
    bits = re.search(r"(\d+)-bit (unsigned|signed|float)", kind)
    if not bits:
        raise OpenError(f"Its pixels are of a kind that is not shown ({kind}).")
    letter = {"unsigned": "u", "signed": "i", "float": "f"}[bits[2]]
    return np.dtype(f"{letter}{int(bits[1]) // 8}")


def _unreadable(place: str) -> str:
    names = {
        "NiftiImageIO": "NIfTI or Analyze", "NrrdImageIO": "NRRD", "MetaImageIO": "MetaImage",
        "PNGImageIO": "PNG", "JPEGImageIO": "JPEG",
    }  # fmt: skip
    return UNREADABLE.format(format=names[FORMATS[ending_of(place)]])


def _size_beside(place: str) -> int:
    """Bytes of the pixel file of a detached header, which must lie in the same folder. Raises OpenError."""
    ending = ending_of(place)
    stem = place[: -len(ending)] if ending else place
    if ending == ".hdr":
        return max(
            (os.path.getsize(stem + one) for one in (".img", ".img.gz") if os.path.exists(stem + one)), default=0
        )
    if ending not in TEXT_HEADERS:
        return 0
    with open(place, "rb") as file:
        named = DATA_FILE.findall(file.read(HEADER).split(b"\n\n")[0])
    for name in (os.fsdecode(one) for one in named if one.upper() != b"LOCAL"):
        data = Path(place).parent / name
        if os.path.basename(name) != name or name.startswith(".") or not data.is_file() or data.is_symlink():
            raise OpenError("Its header does not name one file of pixels in its own folder; it was not opened.")
    return sum((Path(place).parent / os.fsdecode(one)).stat().st_size for one in named if one.upper() != b"LOCAL")


@contextmanager
def _on_disk(path: str) -> Iterator[tuple[str, int]]:
    """A place where SimpleITK can read the file, and its bytes; a member of an archive is put into memory for that."""
    inside = member_of(path)
    if not inside:
        check_regular(path)
        yield path, os.path.getsize(path)
        return
    ending = ending_of(path)
    if ending in DETACHED:
        raise OpenError("Its pixels lie in another file of the archive; unpack the archive and open the folder.")
    data = member_bytes(*inside)
    place = FOLDER / f"{PREFIX}{os.getpid()}-{uuid4().hex}{ending}"
    try:
        place.write_bytes(data)
        yield str(place), len(data)
    finally:
        place.unlink(missing_ok=True)
