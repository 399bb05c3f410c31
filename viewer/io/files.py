"""Images that are not DICOM: NIfTI, Analyze, NRRD, MetaImage, PNG and JPEG, through SimpleITK. In a reader process.

SimpleITK turns every convention into LPS and applies NIfTI's scl_slope. Sizes are checked against the file first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Grid
from viewer.data.shared import FOLDER, PREFIX, SharedHandle, open_shared, write_shared
from viewer.data.study import Image, Source
from viewer.io.contents import member_bytes, member_of, modified, open_unchanged
from viewer.io.failure import OpenError
from viewer.io.plan import Plan

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
class _Facts:
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
    def color(self) -> bool:
        return self.components in (3, 4) and self.dtype in (np.uint8, np.uint16)

    @property
    def bytes(self) -> int:
        return int(np.prod(self.size, dtype=object)) * self.components * self.dtype.itemsize


def ending_of(path: str) -> str:
    """The ending by which we know a format, such as ".nii.gz"; "" where there is none."""
    name = path.lower()
    return max((ending for ending in FORMATS if name.endswith(ending)), key=len, default="")


def belongs_to_header(path: str) -> bool:
    """True for the pixels that a header beside it describes: they are opened with it."""
    name = path.lower()
    ending = max((one for one in PIXELS_BESIDE if name.endswith(one)), key=len, default="")
    return bool(ending) and any(os.path.exists(path[: -len(ending)] + header) for header in DETACHED)


def describe(path: str) -> Image:
    """The image in a file, from its header. Raises OpenError with one sentence."""
    with _on_disk(path) as (place, size):
        facts = _facts(place, size)
    picture = ending_of(path) in PICTURES
    plan = Plan(
        kind="picture" if picture else "itk", files=(path,), sizes=(_length(path),), mtimes=(modified(path),),
        samples=3 if facts.color else 1, times=_times(facts),
    )  # fmt: skip
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    stem = name[: -len(ending_of(path))]
    return Image(
        source=Source(patient_name=stem, series_description=name, files=(path,)),
        grid=_grid(facts, picture),
        dtype="uint8" if facts.color else facts.dtype.name,
        timepoints=1 if facts.color else facts.repeats * facts.components,
        components=3 if facts.color else 1,
        warnings=_warnings(facts, picture),
        plan=plan,
    )


def fill(handle: SharedHandle, plan: Plan) -> tuple[str, ...]:
    """Read the pixels into shared memory [time point, k, j, i(, 3)]; the badges that they earn."""
    path = plan.files[0]
    open_unchanged(path, plan.sizes[0], plan.mtimes[0]).close()
    array, _owner = _pixels(path)
    if array.nbytes != int(np.prod(handle.shape)) * np.dtype(handle.dtype).itemsize:
        raise OpenError("It has changed since it was indexed; open its folder again.")
    with open_shared(handle) as segment:
        for number, part in enumerate(array):
            write_shared(segment, handle.offset + number * part.nbytes, part)
    return ("not a number",) if array.dtype.kind == "f" and not all(np.isfinite(part).all() for part in array) else ()


def middle(plan: Plan) -> NDArray[Any]:
    """The middle slice [j, i] or [j, i, 3] of the first time point."""
    array, _owner = _pixels(plan.files[0])
    return np.array(array[0, array.shape[1] // 2])


def _pixels(path: str) -> tuple[NDArray[Any], Any]:
    """All pixels [time point, k, j, i(, 3)], and the SimpleITK image that owns their memory: keep it as long."""
    import SimpleITK as sitk

    with _on_disk(path) as (place, size):
        facts = _facts(place, size)
        try:
            image = _reader(place).Execute()
        except RuntimeError as error:
            raise OpenError(_unreadable(place)) from error
    array = sitk.GetArrayViewFromImage(image)
    if facts.color:
        array = array[..., :3] if facts.dtype == np.uint8 else (array[..., :3] >> 8).astype(np.uint8)
        return array.reshape(1, *facts.shape, 3), image
    if facts.components > 1:
        array = np.moveaxis(array.reshape(facts.repeats, *facts.shape, facts.components), -1, 1)
    return array.reshape(-1, *facts.shape), image


def _reader(place: str) -> Any:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO(FORMATS[ending_of(place)])
    reader.SetFileName(place)
    return reader


def _facts(place: str, size: int) -> _Facts:
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
    facts = _Facts(
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


def _grid(facts: _Facts, picture: bool) -> Grid:
    if picture:
        return Grid.of(facts.shape)
    flat = len(facts.size) == 2
    axes = np.eye(3)
    axes[:2, :2] = facts.direction[:2, :2]
    spacing = (1.0, *facts.spacing[1::-1]) if flat else facts.spacing[2::-1]
    origin = (*facts.origin, 0.0) if flat else facts.origin[:3]
    try:
        return Grid.of(facts.shape, spacing, origin, axes if flat else facts.direction[:3, :3])
    except ValueError as error:
        raise OpenError("Its header gives its voxels no valid size or direction; it cannot be placed.") from error


def _times(facts: _Facts) -> tuple[str, ...]:
    if facts.color or facts.repeats * facts.components == 1:
        return ()
    parts = [f"component {n + 1}" for n in range(facts.components)] if facts.components > 1 else [""]
    times = [f"time point {n + 1}" for n in range(facts.repeats)] if facts.repeats > 1 else [""]
    return tuple(", ".join(filter(None, (time, part))) for time in times for part in parts)


def _warnings(facts: _Facts, picture: bool) -> tuple[str, ...]:
    said = []
    if picture:
        said.append("A picture has no size in mm: each pixel is taken as 1 mm wide.")
    if facts.color and facts.components == 4:
        said.append("Its transparency is not shown.")
    if facts.color and facts.dtype == np.uint16:
        said.append("Its colours were reduced from 16 to 8 bits.")
    if not facts.color and facts.components > 1:
        said.append(f"Its {facts.components} values a voxel are shown one after the other, like time points.")
    return tuple(said)


def _unreadable(place: str) -> str:
    names: dict[str, Literal["NIfTI or Analyze", "NRRD", "MetaImage", "PNG", "JPEG"]] = {
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


def _length(path: str) -> int:
    inside = member_of(path)
    return len(member_bytes(*inside)) if inside else os.path.getsize(path)


@contextmanager
def _on_disk(path: str) -> Iterator[tuple[str, int]]:
    """A place where SimpleITK can read the file, and its bytes; a member of an archive is put into memory for that."""
    inside = member_of(path)
    if not inside:
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
