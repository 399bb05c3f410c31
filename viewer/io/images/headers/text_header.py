"""What the text of an NRRD or MetaImage header says of lengths, sides and kinds that SimpleITK drops or guesses.

NRRD: https://teem.sourceforge.net/nrrd/format.html. MetaImage: https://itk.org/Wiki/MetaIO/Documentation.
Runs in a reader process.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.grid import LETTERS
from viewer.data.notice import UNMEASURED, Notice
from viewer.io.images.headers.geometry import Placement
from viewer.io.images.headers.nrrd_header import Nrrd, value_axes

if TYPE_CHECKING:
    from viewer.data.arrays import Floats
    from viewer.io.images.headers.itk_header import ItkHeader
    from viewer.io.images.headers.meta_image_header import MetaImage

Fields = dict[str, str]  # of a header, by their names in small letters

DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
QUOTED = re.compile(r'"([^"]*)"')
PLACED = {  # NRRD's spaces whose axes run to sides of the patient
    *("right-anterior-superior", "ras", "left-anterior-superior", "las", "left-posterior-superior", "lps"),
}
MILLIMETRES = {
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0, "cm": 10.0, "centimeter": 10.0, "centimetre": 10.0, "m": 1000.0,
    "meter": 1000.0, "metre": 1000.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micron": 1e-3, "micrometer": 1e-3,
    "micrometre": 1e-3, "nm": 1e-6, "nanometer": 1e-6, "nanometre": 1e-6, "inch": 25.4,
}  # fmt: skip
UNTOLD = {"", "?", "???", "none", "unknown"}


def fields_of(header: MetaImage | Nrrd | None) -> Fields:
    """What a header says; letters beyond ASCII, which were read byte by byte, as UTF-8 where they are that."""
    told = header.fields if header else {}
    return {name.lower(): _utf8(text) for name, text in told.items()}


def _utf8(text: str) -> str:
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def scale_of(fields: Fields) -> tuple[float, float]:
    """Slope and intercept of a MetaImage, which SimpleITK does not apply; 1 and 0 where there are none."""
    told = [_numbers(fields.get(f"elementtointensityfunction{name}", "")) for name in ("slope", "offset")]
    slope, intercept = told[0][:1] or [1.0], told[1][:1] or [0.0]
    return (slope[0], intercept[0]) if np.isfinite([*slope, *intercept]).all() and slope[0] else (1.0, 0.0)


def has_decimal_commas(fields: Fields) -> bool:
    """Whether the spacings of an NRRD file are written as 0,5: SimpleITK reads 0 of it."""
    return bool(DECIMAL_COMMA.search(fields.get("spacings", "")))


def placement(fields: Fields, header: ItkHeader, *, nrrd: bool) -> Placement:
    """Where the voxels lie, and what must be said of it."""
    flat = len(header.size) == 2
    spacing = np.array((*header.spacing, 1.0)[:3] if flat else header.spacing[:3])
    origin = np.array((*header.origin, 0.0)[:3] if flat else header.origin[:3])
    direction = np.eye(3)
    direction[: 2 if flat else 3, : 2 if flat else 3] = header.direction[:3, :3]
    placed, sides = (_nrrd_sides if nrrd else _meta_sides)(fields, direction, flat)
    told = _nrrd_spacing(fields) if nrrd else fields.get("elementspacing", fields.get("elementsize", ""))
    spacing, lengths = _positive_spacing(spacing, told, fields, direction)
    scale, unit = _unit(fields, nrrd)
    affine = np.eye(4)
    affine[:3, :3] = (direction * spacing * scale)[:, ::-1]
    affine[:3, 3] = origin * scale
    return Placement(affine, placed, (*sides, *lengths, *unit))


def _nrrd_spacing(fields: Fields) -> str:
    """The field with lengths; "" where there is none for some axis."""
    if "space directions" in fields:
        return fields["space directions"]
    told = fields.get("spacings", "")
    free = told.lower().split().count("nan")
    return "" if free > len(value_axes(fields)) else told


def _nrrd_sides(fields: Fields, direction: Floats, flat: bool) -> tuple[bool, tuple[Notice, ...]]:
    space = fields.get("space", "").lower()
    directed = "space directions" in fields and not flat
    if directed and space in PLACED:
        return True, ()
    if directed and not space and fields.get("space dimension") == "4":
        sentence = "It does not name its sides; as ITK writes such files, they are left, posterior, superior."
        return True, (Notice("itk-orientation", sentence),)
    return False, (_no_sides_notice(f"its space is {space}" if space and directed else ""),)


def _meta_sides(fields: Fields, direction: Floats, flat: bool) -> tuple[bool, tuple[Notice, ...]]:
    """The matrix counts; letters beside it name the sides that the axes come from, "???" that nobody knows them.

    Of images that have not three dimensions ITK knows no letters: its "????" says nothing.
    """
    letters = fields.get("anatomicalorientation", "").upper()
    if letters == "???":
        return False, (_no_sides_notice("AnatomicalOrientation = ???"),)
    if flat or not any(name in fields for name in ("transformmatrix", "orientation", "rotation")):
        return False, (_no_sides_notice(),)
    notices = []
    ways = [_toward(letter) for letter in letters]
    if len(ways) == 3 and all(way is not None for way in ways):
        apart = [float(axis @ way) for axis, way in zip(direction.T, ways, strict=True) if way is not None]
        if max(apart) > -0.5:
            sentence = f"Its letters ({letters}) contradict its matrix, which is taken."
            notices.append(Notice("two-orientations", sentence, "two placements"))
    if any(_numbers(fields.get("centerofrotation", ""))) and not np.allclose(direction, np.eye(3)):
        sentence = "It tells a centre of rotation, which (as in ITK) does not count for its place."
        notices.append(Notice("rotation-centre", sentence))
    return True, tuple(notices)


def _toward(letter: str) -> Floats | None:
    """The LPS direction that a letter names; MetaImage says S and I of head and feet."""
    for axis, (positive, negative) in enumerate((*LETTERS[:2], ("S", "I"))):
        if letter in (positive, negative):
            way = np.zeros(3)
            way[axis] = 1 if letter == positive else -1
            return way
    return None


def _no_sides_notice(why: str = "") -> Notice:
    cause = f" ({why})" if why else ""
    sentence = f"It does not say how it lies in the patient{cause}: its sides are not known."
    return Notice("no-orientation", sentence, "sides not known")


def _positive_spacing(
    spacing: Floats, told: str, fields: Fields, direction: Floats
) -> tuple[Floats, tuple[Notice, ...]]:
    """Positive spacing along i, j, k; 1 where there is none."""
    whole = np.where(np.isfinite(spacing) & (spacing != 0), np.abs(spacing), 1.0)
    if not told:
        sentence = "It tells no voxel size; 1 mm is assumed."
        return whole, (Notice("no-pixel-spacing", sentence, UNMEASURED),)
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        sentence = f"Its voxel size is not valid ({told}); the size of it is taken, and 1 mm where there is none."
        return whole, (Notice("no-pixel-spacing", sentence, UNMEASURED),)
    one, two = (np.array(_numbers(fields.get(name, ""))[:3]) for name in ("elementspacing", "elementsize"))
    stretched = np.abs(np.linalg.norm(direction, axis=0) - 1).max() > 0.01
    if stretched or (len(one) == len(two) > 0 and not np.allclose(one, two, rtol=0.01)):
        other = "its matrix" if stretched else f"ElementSize = {fields['elementsize']}"
        sentence = f"Its voxel size ({told}) contradicts {other}."
        return whole, (Notice("contradicting-spacing", sentence, UNMEASURED),)
    return whole, ()


def _unit(fields: Fields, nrrd: bool) -> tuple[float, tuple[Notice, ...]]:
    """What a length of the file is in mm."""
    if nrrd:
        names = QUOTED.findall(fields.get("space units", fields.get("units", "")))
    else:
        names = [fields.get("distanceunits", "")]
    told = {name.strip().lower() for name in names} - UNTOLD
    if not told:
        return 1.0, ()
    scales = {MILLIMETRES.get(name, MILLIMETRES.get(name.removesuffix("s"))) for name in told}
    scale = scales.pop() if len(scales) == 1 else None
    words = ", ".join(sorted(told))
    if scale is None:
        sentence = f"The unit of its lengths is not known ({words}); millimetres are assumed."
        return 1.0, (Notice("no-length-unit", sentence, UNMEASURED),)
    sentence = f"Its lengths are in {words}; they are converted to millimetres."
    return scale, () if scale == 1 else (Notice("length-unit", sentence),)


def _numbers(text: str) -> list[float]:
    """Numbers between spaces; [] where one is none."""
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []
