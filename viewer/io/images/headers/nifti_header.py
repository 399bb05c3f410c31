"""What the header of a NIfTI-1, NIfTI-2 or Analyze file says, and where it puts the voxels. Runs in a reader process.

Layout and meaning: nifti1.h and nifti2.h of https://nifti.nimh.nih.gov. Which of the two placements is taken where none
is chosen follows nibabel, FSL and SPM: the sform where its code is not 0, else the qform where its is not 0, else none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.notice import UNMEASURED, Notice
from viewer.io.errors import OpenError
from viewer.io.images.headers.geometry import Placement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats

HEADER = 540  # bytes that tell the header of either version
TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
    32: "f4", 1792: "f8", 128: "u1", 2304: "u1",
}  # fmt: skip
COMPLEX, COLOURS = {32: 2, 1792: 2}, {128: 3, 2304: 4}  # numbers in a voxel, where it is more than one
LENGTHS = {1: ("metres", 1000.0), 2: ("millimetres", 1.0), 3: ("micrometres", 0.001)}  # xyzt_units, in mm
SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}
XFORMS = {1: "scanner", 2: "aligned", 3: "Talairach", 4: "MNI 152", 5: "template"}
VECTORS = {1006, 1007}  # intents whose components point along the axes of the world
LABELS = 1002  # intent: the values are labels
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # NIfTI's world is RAS
SAME = 0.1  # of the smallest voxel side; placements, or sizes of voxels, that differ by less are one

_FIRST = {
    "dim": ("8i2", 40), "intent": ("i2", 68), "datatype": ("i2", 70), "pixdim": ("8f4", 76), "offset": ("f4", 108),
    "slope": ("f4", 112), "intercept": ("f4", 116), "units": ("u1", 123), "cal_max": ("f4", 124),
    "cal_min": ("f4", 128), "qform_code": ("i2", 252), "sform_code": ("i2", 254), "quatern": ("3f4", 256),
    "qoffset": ("3f4", 268), "srow": ("(3,4)f4", 280), "magic": ("S4", 344),
}  # fmt: skip
_SECOND = {
    "magic": ("S4", 4), "datatype": ("i2", 12), "dim": ("8i8", 16), "pixdim": ("8f8", 104), "offset": ("i8", 168),
    "slope": ("f8", 176), "intercept": ("f8", 184), "cal_max": ("f8", 192), "cal_min": ("f8", 200),
    "qform_code": ("i4", 344), "sform_code": ("i4", 348), "quatern": ("3f8", 352), "qoffset": ("3f8", 376),
    "srow": ("(3,4)f8", 400), "units": ("i4", 500), "intent": ("i4", 504),
}  # fmt: skip
_SIZES = {348: _FIRST, HEADER: _SECOND}


def _record(fields: dict[str, tuple[str, int]], size: int, order: str) -> np.dtype[Any]:
    formats, offsets = zip(*fields.values(), strict=True)
    kind = np.dtype({"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": size})
    return kind.newbyteorder("<" if order == "<" else ">")


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """sizes: i, j, k, time, and what dimensions 5, 6 and 7 hold; all at least 1. dtype: of one number, as stored.

    samples: numbers that a voxel has one beside the other (2 complex, 3 and 4 colours). raw: the fields by name.
    """

    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    samples: int
    color: bool
    raw: Any

    @property
    def nifti(self) -> bool:
        """False for Analyze, which has no scale and no placement."""
        return bytes(self.raw["magic"]).startswith((b"n+", b"ni"))

    @cached_property
    def scale(self) -> tuple[float, float]:
        """Slope and intercept; 1 and 0 where there are none. They are not of colours."""
        slope, intercept = float(self.raw["slope"]), float(self.raw["intercept"])
        known = math.isfinite(slope) and math.isfinite(intercept) and slope != 0
        return (slope, intercept) if known and self.nifti and not self.color else (1.0, 0.0)

    @property
    def offset(self) -> int:
        """Where the voxels begin. Raises OpenError."""
        offset = float(self.raw["offset"])
        if not math.isfinite(offset) or not 0 <= offset < 1 << 40:
            raise OpenError("Its header does not tell where its voxels begin.")
        return int(offset)

    @property
    def has_vectors(self) -> bool:
        """Whether a voxel holds components along the axes of the world (intent codes 1006 and 1007)."""
        return int(self.raw["intent"]) in VECTORS and self.sizes[4] > 1

    @property
    def has_labels(self) -> bool:
        """Whether the file says that its values are labels (intent code 1002)."""
        return int(self.raw["intent"]) == LABELS

    @property
    def window(self) -> tuple[float, float] | None:
        """The lowest and highest value that the file wants shown, where it says."""
        low, high = float(self.raw["cal_min"]), float(self.raw["cal_max"])
        return (low, high) if self.nifti and math.isfinite(low) and math.isfinite(high) and low < high else None

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds of each time point from the first; () where the file does not say."""
        step, unit = float(self.raw["pixdim"][4]), SECONDS.get(int(self.raw["units"]) & 0x38)
        known = self.nifti and unit is not None and math.isfinite(step) and step > 0 and self.sizes[3] > 1
        return tuple(round(n * step * unit, 9) for n in range(self.sizes[3])) if known and unit else ()


def parse(data: bytes) -> NiftiHeader:
    """The header in the first bytes of a (decompressed) file. Raises OpenError with one sentence."""
    for order in "<>":
        size = int(np.frombuffer(data, f"{order}i4", 1)[0]) if len(data) >= 348 else 0
        if size in _SIZES and len(data) >= size:
            break
    else:
        raise OpenError("It is no NIfTI or Analyze file: its header has a wrong size.")
    raw = np.frombuffer(data, _record(_SIZES[size], size, order), 1)[0]
    code = int(raw["datatype"])
    if code not in TYPES:
        raise OpenError(f"Its voxels are of a kind that is not shown (NIfTI data type {code}).")
    samples = COMPLEX.get(code) or COLOURS.get(code) or 1
    return NiftiHeader(_sizes(raw["dim"]), np.dtype(order + TYPES[code]), samples, code in COLOURS, raw)


def _sizes(dim: NDArray[Any]) -> tuple[int, ...]:
    """Seven sizes. What lies beyond the number of dimensions counts as 1, as does a further dimension of 0."""
    count = int(dim[0])
    if not 1 <= count <= 7:
        raise OpenError(f"Its header claims {count} dimensions; an image has 1 to 7.")
    sizes = [int(n) for n in dim[1 : count + 1]] + [1] * (7 - count)
    sizes[3:] = [n or 1 for n in sizes[3:]]
    if min(sizes) < 1:
        shape = " × ".join(map(str, sizes[:count]))
        raise OpenError(f"It claims {shape} voxels, which no image has; it is damaged.")
    return tuple(sizes)


def placement(header: NiftiHeader, form: str = "") -> Placement:
    """Where the voxels lie, and what must be said of it.

    form: "sform" or "qform" where one is chosen, "" for the one that the rule takes. Raises OpenError where the header
    has none of that name that places voxels.
    """
    zooms, damaged = _zooms(header)
    forms = {"sform": _sform(header, zooms), "qform": _qform(header, zooms)}
    valid = {name: matrix for name, matrix in forms.items() if matrix is not None}
    if form and form not in valid:
        raise OpenError(f"It has no {form} that places its voxels; leave that choice out.")
    taken = form or next(iter(valid), "")
    gap = _gap(header, valid)
    names = tuple(sorted(valid, key=lambda name: name != taken))
    sizes = _size_notices(header, zooms, damaged, valid[taken] if taken == "sform" else None)
    scale, unit = _unit(header)
    turned = (LPS if taken else np.eye(4)) @ np.diag([scale] * 3 + [1.0]) @ valid.get(taken, np.diag([*zooms, 1.0]))
    turned[:3, :3] = turned[:3, 2::-1]
    notices = (*_choice_notices(header, names, gap * scale, bool(form)), *sizes, *unit)
    return Placement(turned, bool(taken), notices, names[:1] if gap else names, "".join(names[1:]) if gap else "")


def _size_notices(header: NiftiHeader, zooms: Floats, damaged: bool, sform: Floats | None) -> tuple[Notice, ...]:
    """What must be said of the voxel sizes. sform: where that is taken."""
    columns = zooms if sform is None else np.linalg.norm(sform[:3, :3], axis=0)
    seen = np.array(header.sizes[:3]) > 1  # the depth of a single slice is not measured
    if damaged:
        cure = (
            "those of its matrix are taken" if sform is not None else "their size is taken, and 1 where there is none"
        )
        sentence = f"Its voxel sizes are not valid ({_lengths(header.raw['pixdim'][1:4])}); {cure}."
        return (Notice("no-pixel-spacing", sentence, "" if sform is not None else UNMEASURED),)
    if (np.abs(columns - zooms) > SAME * zooms.min())[seen].any():
        both = f"{_lengths(zooms)} in pixdim and {_lengths(columns)} in its matrix"
        sentence = f"Its voxel sizes contradict each other ({both}); those of the matrix are taken."
        return (Notice("contradicting-spacing", sentence, UNMEASURED),)
    return ()


def _zooms(header: NiftiHeader) -> tuple[Floats, bool]:
    """Positive voxel sizes along i, j, k, and whether one of an axis with several voxels is not as it should be."""
    told = np.array(header.raw["pixdim"][1:4], np.float64)
    valid = np.isfinite(told) & (told > 0)
    size = np.where(np.isfinite(told), np.abs(told), 0.0)
    return np.where(size > 0, size, 1.0), bool((~valid & (np.array(header.sizes[:3]) > 1)).any())


def _sform(header: NiftiHeader, zooms: Floats) -> Floats | None:
    """4×4 in RAS, columns i, j, k; None where there is none that places voxels."""
    if not header.nifti or header.raw["sform_code"] <= 0:
        return None
    matrix = np.eye(4)
    matrix[:3] = header.raw["srow"]
    axes = matrix[:3, :3]
    if header.sizes[2] == 1 and np.isfinite(matrix).all() and not axes[:, 2].any():  # a picture: its depth is free
        normal = np.cross(axes[:, 0], axes[:, 1])
        axes[:, 2] = zooms[2] * normal / (np.linalg.norm(normal) or 1.0)
    return matrix if _is_placement(header, matrix) else None


def _qform(header: NiftiHeader, zooms: Floats) -> Floats | None:
    """As above, from the quaternion (nifti_quatern_to_mat44 of nifti1_io.c)."""
    if not header.nifti or header.raw["qform_code"] <= 0:
        return None
    b, c, d = (float(part) for part in header.raw["quatern"])
    square = 1.0 - (b * b + c * c + d * d)
    a = math.sqrt(square) if square > 1e-7 else 0.0
    norm = math.sqrt(a * a + b * b + c * c + d * d)
    if not math.isfinite(norm):
        return None
    a, b, c, d = a / norm, b / norm, c / norm, d / norm
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    matrix = np.eye(4)
    handed = -1.0 if header.raw["pixdim"][0] < 0 else 1.0
    matrix[:3, :3] = turn * zooms * [1.0, 1.0, handed]
    matrix[:3, 3] = header.raw["qoffset"]
    return matrix if _is_placement(header, matrix) else None


def _is_placement(header: NiftiHeader, matrix: Floats) -> bool:
    """Whether a Grid takes it, in mm."""
    scaled = matrix[:3] * _unit(header)[0]
    return bool((np.abs(scaled) < 1e100).all()) and abs(float(np.linalg.det(scaled[:, :3]))) > 1e-12


def _gap(header: NiftiHeader, forms: dict[str, Floats]) -> float:
    """How far two placements lie apart at most, in the file's unit; 0 where they count as one, or there are no two."""
    if len(forms) < 2:
        return 0.0
    corners = np.array([(i, j, k, 1) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    corners = corners * [*(n - 1 for n in header.sizes[:3]), 1]
    gap = float(np.linalg.norm(((forms["sform"] - forms["qform"]) @ corners.T)[:3], axis=0).max())
    return gap if gap > SAME * float(np.linalg.norm(forms["sform"][:3, :3], axis=0).min()) else 0.0


def _choice_notices(header: NiftiHeader, names: tuple[str, ...], gap: float, chosen: bool) -> tuple[Notice, ...]:
    """Which placement is taken, where that must be said. names: those that place voxels, that one first. gap: mm."""
    raw = header.raw
    if not names:
        sentence = "It does not say how it lies in the patient: its sides are not known."
        return (Notice("no-orientation", sentence, "sides not known"),)
    if "sform" not in names and raw["sform_code"] > 0:
        sentence = "Its sform matrix places no voxels (it is damaged); its qform is taken."
        return (Notice("damaged-sform", sentence),)
    if not gap:
        return ()
    taken, other = (f"{name} ({XFORMS.get(int(raw[f'{name}_code']), 'unknown')})" for name in names)
    apart = f"Its two placements lie up to {gap:.3g} mm apart"
    if chosen:
        return (Notice("two-placements", f"{apart}: its {taken} was chosen, not its {other}.", f"by its {names[0]}"),)
    sentence = f"{apart}: its {taken} is taken, not its {other}, by which it can be opened, too."
    return (Notice("two-placements", sentence, "two placements"),)


def _unit(header: NiftiHeader) -> tuple[float, tuple[Notice, ...]]:
    """What a length of the file is in mm."""
    code = int(header.raw["units"]) & 7
    if not header.nifti or code == 0:
        return 1.0, (Notice("no-length-unit", "It does not say the unit of its lengths; millimetres are assumed."),)
    if code not in LENGTHS:
        sentence = f"The unit of its lengths is not known (code {code}); millimetres are assumed."
        return 1.0, (Notice("no-length-unit", sentence, UNMEASURED),)
    name, scale = LENGTHS[code]
    if scale == 1:
        return scale, ()
    return scale, (Notice("length-unit", f"Its lengths are in {name}; they are converted to millimetres."),)


def _lengths(sizes: Any) -> str:
    return " × ".join(f"{float(size):.4g}" for size in sizes)
