"""How the pixels of an image are read: made while indexing, carried by `Image.plan`, followed by the reader.

For kind "dicom" the frames say, for every time point and slice, which file holds them and where. For "itk" (NIfTI,
NRRD, MetaImage, Analyze) and "picture" (PNG, JPEG) the file is read whole and only `files`, `sizes`, `stamps` are set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid
    from viewer.data.volume import Diffusion, Window
    from viewer.io.archive import Stamp

# One slice of one time point.
#   file: index into Plan.files; -1: this slice is not there and stays at the padding value (Plan.blank).
#   frame: 0-based frame in that file.
#   offset, length: where the raw pixels stand in the file, and how many bytes. offset >= 0 promises exactly
#     rows × columns × samples values of Plan.stored (of a mosaic: all of its), pixel after pixel, grey or RGB; -1:
#     decode with pydicom (compressed, deflated, palette, YBR, bit-packed, planar colour).
#   row, column: of the slice's first pixel in that frame; not 0 only in a mosaic.
#   slope, intercept: physical value = stored × slope + intercept for this slice.
FRAME = np.dtype(
    [
        *(("file", "i4"), ("frame", "i4"), ("offset", "i8"), ("length", "i8")),
        *(("row", "i4"), ("column", "i4"), ("slope", "f8"), ("intercept", "f8")),
    ]
)


@dataclass(frozen=True, eq=False)
class Resampling:
    """How an uneven, incomplete or tilted stack becomes a regular volume on load (linear along the slice normal).

    grid: the grid of the loaded volume. Its slice k lies at k × grid.spacing[0] on the axis of `positions`.
    positions: [slices] mm along the normal from the first stored slice, rising.
    shifts: [slices, 2] in voxels (j, i): stored pixel (j, i) of slice s lies at (j, i) + shifts[s] of the loaded grid;
        all zero without gantry tilt.
    bridge: mm; between stored slices farther apart than this nothing is interpolated. A loaded slice there is the
        stored slice at most half a spacing away, or blank.
    """

    grid: Grid
    positions: Floats
    shifts: Floats
    bridge: float = float("inf")


@dataclass(frozen=True, eq=False)
class Plan:
    """What the reader needs besides `Image` (whose dtype, components and unit are those of the loaded array).

    files: paths, or "archive.zip!member/name"; a header first, then the files of its pixels. sizes: bytes; of DICOM
        files unpacked. stamps (None where unknown): a file that differs when it is read has changed since it was
        indexed.
    frames: FRAME records [time point, k].
    stored: numpy dtype of the raw pixels with byte order ("<i2", ">u2", "|u1", "<f4").
    rows, columns: of a slice. mosaic: of the stored frame where it holds many slices side by side; None where not.
    bits_stored, high_bit: where bits_stored is less than the type's bits, the value is the bits up to high_bit; mask
        (unsigned) or extend the sign (signed) before use.
    photometric: DICOM Photometric Interpretation as stored.
    slope, intercept: physical value = loaded × slope + intercept (1 and 0 where applied on load).
    rescale: True where slope and intercept differ between slices: the reader applies each frame's own, into float32.
    modality_lut: True where the reader applies the Modality LUT Sequence (into uint16).
    padding: Pixel Padding Value, a stored value; None where there is none. padding_limit: the other end of a range.
    blank: the loaded value of a missing slice or of the outside after resampling.
    inverted: MONOCHROME1.
    times: the words for each time point ("12.5 s", "b = 1000", "echo 2"); () for a single one.
    diffusion: of each time point; () where none is told.
    resampling: None where the stored slices are the loaded slices.
    form: of a NIfTI file the placement that is taken, "sform" or "qform"; "" where there is none.
    """

    kind: Literal["dicom", "itk", "picture"]
    files: tuple[str, ...]
    sizes: tuple[int, ...]
    stamps: tuple[Stamp | None, ...]
    frames: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0), FRAME))
    stored: str = ""
    rows: int = 0
    columns: int = 0
    mosaic: tuple[int, int] | None = None
    samples: int = 1
    bits_stored: int = 0
    high_bit: int = 0
    photometric: str = ""
    transfer_syntax: str = ""
    slope: float = 1.0
    intercept: float = 0.0
    rescale: bool = False
    modality_lut: bool = False
    padding: float | None = None
    padding_limit: float | None = None
    blank: float = 0.0
    inverted: bool = False
    windows: tuple[Window, ...] = ()
    times: tuple[str, ...] = ()
    diffusion: tuple[Diffusion | None, ...] = ()
    resampling: Resampling | None = None
    form: str = ""

    @property
    def padding_range(self) -> tuple[float, float] | None:
        """The lowest and the highest stored value that is padding; None where none is."""
        if self.padding is None:
            return None
        other = self.padding if self.padding_limit is None else self.padding_limit
        return min(self.padding, other), max(self.padding, other)

    @property
    def stored_size(self) -> tuple[int, int]:
        """Rows and columns of a stored frame."""
        return self.mosaic or (self.rows, self.columns)
