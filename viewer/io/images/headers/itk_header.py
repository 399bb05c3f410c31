"""What SimpleITK says of a file: size, type and place of its voxels, held against the bytes there are.

SimpleITK turns every convention into LPS. Runs in a reader process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.io.archive import MAX_RATIO
from viewer.io.errors import OpenError
from viewer.io.images.headers.data_files import FORMATS, ending_of, readable_by_itk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats

UNREADABLE = "It cannot be read as {format}: it is damaged, cut off or of another kind than its name says."


@dataclass(frozen=True)
class ItkHeader:
    """What SimpleITK says of a file before its pixels are read; sizes and spacing in order i, j, k."""

    size: tuple[int, ...]
    components: int
    dtype: np.dtype[Any]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: Floats
    complex: bool = False  # two components: the real and the imaginary part

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along k, j, i; 1 along an axis that there is not."""
        i, j, k = (*self.size, 1, 1)[:3]
        return k, j, i

    @property
    def repeats(self) -> int:
        """How many volumes there are: the product of the sizes beyond the third dimension."""
        return int(np.prod(self.size[3:], dtype=np.int64))

    @property
    def bytes(self) -> int:
        """Bytes of all voxels."""
        return int(np.prod(self.size, dtype=object)) * self.components * self.dtype.itemsize


def read_itk_header(path: str) -> ItkHeader:
    """What SimpleITK says of a file, from its header alone. Raises OpenError with one sentence."""
    with readable_by_itk(path) as (place, size):
        return _read_header(place, size)


def voxels(path: str) -> tuple[NDArray[Any], Any]:
    """All voxels in SimpleITK's order, and the image that owns their memory: keep it as long. Raises OpenError."""
    import SimpleITK as sitk

    with readable_by_itk(path) as (place, size):
        _read_header(place, size)
        try:
            image = _reader(place).Execute()
        except RuntimeError as error:
            raise OpenError(_unreadable(place)) from error
    array = sitk.GetArrayViewFromImage(image)
    return array.view(f"f{array.itemsize // 2}") if array.dtype.kind == "c" else array, image


def metadata(path: str) -> dict[str, str]:
    """The key/value pairs of the header, as SimpleITK tells them. Raises OpenError."""
    with readable_by_itk(path) as (place, size):
        _read_header(place, size)
        reader = _reader(place)
        try:
            reader.ReadImageInformation()
            return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        except (RuntimeError, TypeError, UnicodeError) as error:  # keys that are no UTF-8 do not find their way back
            raise OpenError(_unreadable(place)) from error


def _reader(place: str) -> Any:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO(FORMATS[ending_of(place)])
    reader.SetFileName(place)
    return reader


def _read_header(place: str, size: int) -> ItkHeader:
    """Read the header and hold what it claims against the bytes there are. Raises OpenError."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = _reader(place)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise OpenError(_unreadable(place)) from error
    kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    complex_ = "complex" in kind
    dimension = reader.GetDimension()
    header = ItkHeader(
        reader.GetSize(), 2 if complex_ else reader.GetNumberOfComponents(), _dtype(kind), reader.GetSpacing(),
        reader.GetOrigin(), np.array(reader.GetDirection()).reshape(dimension, dimension), complex_,
    )  # fmt: skip
    if header.bytes > MAX_RATIO * size or min(header.size) < 1:
        shape = " × ".join(map(str, header.size))
        raise OpenError(f"It claims {shape} voxels, more than its {size:,} bytes can hold; it is damaged or cut off.")
    return header


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
