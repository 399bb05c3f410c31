"""Segmentations as 3D Slicer keeps them: .seg.nrrd, an NRRD whose key/value pairs tell the segments.

Layers of overlapping segments are the first axis of the array. Keys as vtkMRMLSegmentationStorageNode writes them
(slicer.readthedocs.io, "Segmentations: file format"); layout: teem.sourceforge.net/nrrd/format.html. Until Slicer 4.10
each segment had a layer of its own, and the header tells neither layers nor labels; the first ones had the layers last.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np

from viewer.data.annotations.doubt import Doubt
from viewer.data.grid import Grid
from viewer.data.printable_text import printable
from viewer.data.provenance import Provenance
from viewer.data.segmentation import HIGHEST, Code, Segment, Segmentation, Side, State, Verdict
from viewer.data.study import LabelFile, Source
from viewer.data.terminology import SIDES, category_of
from viewer.io.errors import OpenError, refuse_damage
from viewer.io.images.headers.geometry import NO_PLACE
from viewer.io.images.headers.itk_header import metadata, read_itk_header, voxels
from viewer.scene.journal.serialization import from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

T = TypeVar("T")
ENDING = ".seg.nrrd"
TYPES = {"u1": "unsigned char", "u2": "unsigned short"}
STATES: dict[str, State] = {
    "notstarted": "not started",
    "inprogress": "in progress",
    "completed": "completed",
    "flagged": "flagged",
}
SEGMENT = re.compile(r"Segment(\d{1,5})_(\w+)")
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
# A tag, and keys, of this program's own: of a segment; the mark of the whole.
REVIEW, DOUBT, MADE, MARK = "Tomolens.Review", "TomolensDoubt", "TomolensProvenance", "TomolensMark"
MOST_TOLD = 16_384  # characters of a doubt or a provenance that are taken
FRACTIONAL = "Fractional labelmap"
LONGEST = 256  # characters of a name that are taken
TYPE, MODIFIER = 2, 3  # places in a terminology entry


def label_file(path: str) -> LabelFile:
    """A .seg.nrrd by its header alone, which does not tell whose it is. Raises OpenError: one sentence."""
    name = printable(path.replace("\\", "/").rsplit("/", 1)[-1])
    source = Source(series_description=name, modality="SEG", files=(path,))
    return LabelFile(source, count=len({match[1] for match in map(SEGMENT.fullmatch, metadata(path)) if match}))


def read_seg_nrrd(path: Path) -> Segmentation:
    """The segments of a .seg.nrrd, on its own grid. Raises OpenError: one sentence."""
    header, tags = read_itk_header(str(path)), metadata(str(path))
    if FRACTIONAL in (tags.get("Segmentation_MasterRepresentation"), tags.get("Segmentation_SourceRepresentation")):
        raise OpenError("It holds fractions of voxels, no labels: let 3D Slicer make a binary labelmap of them first.")
    array, _keep = voxels(str(path))
    parts = array.reshape(-1, *header.shape, header.components)
    maps = tuple(_labels(part[..., n]) for part in parts for n in range(header.components))
    segments = tuple(_segments(tags, maps))
    with refuse_damage(NO_PLACE):
        grid = Grid.of(header.shape, header.spacing[2::-1], header.origin[:3], header.direction[:3, :3])
    name = printable(path.name).removesuffix(".nrrd").removesuffix(".seg")
    return Segmentation(maps[0], grid, segments, name, overlapping=maps[1:])


def write_seg_nrrd(segmentation: Segmentation, path: Path) -> None:
    """Write segments as 3D Slicer does, compressed. Raises OSError."""
    with path.open("wb") as file:
        file.write(_header(segmentation).encode())
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
            _write_voxels(segmentation, packed.write)


def _labels(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        raise OpenError("Its voxels are no labels: they are not whole numbers.")
    if array.min(initial=0) < 0 or array.max(initial=0) > HIGHEST:
        raise OpenError(f"Its labels do not lie between 0 and {HIGHEST}.")
    kind = np.uint8 if array.max(initial=0) < 256 else np.uint16
    return np.array(array, dtype=kind, order="C")  # a copy: SimpleITK's memory goes with its image


def _segments(tags: dict[str, str], maps: tuple[NDArray[Any], ...]) -> Iterator[Segment]:
    """Those that the file names, then the labels that it does not."""
    numbered: dict[int, dict[str, str]] = {}
    for key, value in tags.items():
        if match := SEGMENT.fullmatch(key):
            numbered.setdefault(int(match[1]), {})[match[2]] = value
    if len(maps) > 1 and not any("Layer" in about for about in numbered.values()):
        numbered = {n: {"Layer": str(n), "LabelValue": "1", **about} for n, about in numbered.items()}
    named = set()
    for number, about in sorted(numbered.items()):
        segment = _segment(about, number)
        if segment.key in named or segment.layer >= len(maps):
            raise OpenError("Its header tells two segments with one label, or one in a layer that is not there.")
        named.add(segment.key)
        yield segment
    for layer, array in enumerate(maps):
        for label in np.flatnonzero(np.bincount(array.ravel(), minlength=1)[1:]) + 1:
            if (layer, int(label)) not in named:
                yield Segment(int(label), f"Label {label}", layer=layer)


def _segment(about: dict[str, str], number: int) -> Segment:
    try:
        color = about.get("Color") or about.get("DefaultColor") or "0.9 0.6 0"
        red, green, blue = (round(255 * min(max(float(part), 0), 1)) for part in color.split())
        label, layer = int(about.get("LabelValue", number + 1)), int(about.get("Layer", 0))
    except ValueError as error:
        raise OpenError(f"Its header is damaged at segment {number}: a number was expected.") from error
    if not 0 < label <= HIGHEST or layer < 0:
        raise OpenError(f"Its header gives segment {number} a label that is none.")
    tags = dict(part.split(":", 1) for part in about.get("Tags", "").split("|") if ":" in part)
    state = STATES.get(tags.get("Segmentation.Status", ""), "not started")
    name = about.get("Name", f"Segment {number + 1}")
    review: Verdict = next((one for one in VERDICTS if one == tags.get(REVIEW)), "source")
    doubt, made, code = _told(Doubt, about.get(DOUBT, "")), _told(Provenance, about.get(MADE, "")), _code(tags, TYPE)
    found = Segment(label, name[:LONGEST], (red, green, blue), code, layer, state=state, side=_side(tags))
    return replace(found, review=review, doubt=doubt, provenance=made)


def _told(kind: type[T], text: str) -> T | None:
    """What is told of a segment as this program writes it; None where it is nothing of that kind."""
    if not text or len(text) > MOST_TOLD:
        return None
    try:
        return from_json(kind, json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def lowest_dice(path: str) -> float | None:
    """The lowest predicted Dice of its segments, by the header alone; None without any. Raises OpenError."""
    pairs = ((SEGMENT.fullmatch(key), value) for key, value in metadata(path).items())
    doubts = [_told(Doubt, value) for match, value in pairs if match and match[2] == DOUBT]
    return min((one.dice for one in doubts if one is not None and one.dice is not None), default=None)


def _code(tags: dict[str, str], place: int) -> Code | None:
    """Of a terminology entry: context ~ category ~ type ~ modifier ~ …, each scheme ^ value ^ meaning."""
    parts = tags.get("TerminologyEntry", "").split("~")
    code = tuple(part[:LONGEST] for part in parts[place].split("^")) if len(parts) > place else ()
    return (code[0], code[1], code[2]) if len(code) == 3 and all(code) else None


def _side(tags: dict[str, str]) -> Side:
    modifier = _code(tags, MODIFIER)
    return next((side for side, code in SIDES.items() if modifier and modifier[:2] == code[:2]), "")


def _extents(segmentation: Segmentation) -> Iterator[str]:
    """Of each segment: its first and last voxel along i, j and k; 0 -1 where there is none."""
    from scipy import ndimage

    found = [ndimage.find_objects(array) for array in segmentation.maps]
    for segment in segmentation.segments:
        (box,) = found[segment.layer][segment.label - 1 : segment.label] or [None]
        yield " ".join(f"{one.start} {one.stop - 1}" for one in reversed(box)) if box else "0 -1 0 -1 0 -1"


def _header(segmentation: Segmentation) -> str:
    grid, layers = segmentation.grid, len(segmentation.maps)
    several = layers > 1
    vectors = [f"({','.join(f'{mm:.17g}' for mm in column)})" for column in grid.affine[:3, 2::-1].T]
    made = segmentation.provenance
    told = [
        replace(one, provenance=one.provenance or (made if one.review != "source" else None))
        for one in segmentation.segments
    ]
    segments = zip(told, _extents(segmentation), strict=True)
    sizes = [*([layers] if several else []), *grid.shape[::-1]]
    fields = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {TYPES[_type(segmentation).str[1:]]}",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {' '.join(['none'] * several + vectors)}",
        f"kinds: {' '.join(['list'] * several + ['domain'] * 3)}",
        "endian: little",
        "encoding: gzip",
        f"space origin: ({','.join(f'{mm:.17g}' for mm in grid.origin)})",
        *(f"{MARK}:={_without_separators(badge)}" for badge in segmentation.badges[:1]),
        *(line for number, one in enumerate(segments) for line in _pairs(number, *one)),
        "Segmentation_ContainedRepresentationNames:=Binary labelmap|",
        "Segmentation_MasterRepresentation:=Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset:=0 0 0",
    ]
    return "\n".join(fields) + "\n\n"


def _pairs(number: int, segment: Segment, extent: str) -> Iterator[str]:
    color = " ".join(f"{part / 255:.6g}" for part in segment.color)
    states = {state: word for word, state in STATES.items()}
    status = f"Segmentation.Status:{states.get(segment.state, 'flagged')}|"
    entry = ""
    if segment.code:
        codes = (category_of(segment.code), segment.code, SIDES[segment.side] if segment.side else ("", "", ""))
        coded = "~".join("^".join(_without_separators(part) for part in code) for code in codes)
        entry = f"TerminologyEntry:Segmentation category and type - DICOM master list~{coded}~~^^~^^|"
    for key, value in {
        "ID": f"Segment_{number + 1}",
        "Name": _without_separators(segment.name),
        "NameAutoGenerated": "0",
        "Color": color,
        "ColorAutoGenerated": "0",
        "LabelValue": segment.label,
        "Layer": segment.layer,
        "Extent": extent,
        "Tags": entry + status + (f"{REVIEW}:{segment.review}|" if segment.review != "source" else ""),
        **({DOUBT: _without_separators(json.dumps(asdict(segment.doubt)))} if segment.doubt else {}),
        **({MADE: _made(segment.provenance)} if segment.provenance else {}),
    }.items():
        yield f"Segment{number}_{key}:={value}"


def _made(provenance: Provenance) -> str:
    """Who found a segment, as text without paths or places: the parameters of a prompt are none of the file's."""
    told = replace(provenance, parameters={}, inputs=())
    return _without_separators(json.dumps(told.to_json(), ensure_ascii=False))


def _without_separators(text: str) -> str:
    """A text without the characters that part the entries of a header."""
    return re.sub(r"[\x00-\x1f|~^\\]+", " ", text)


def _type(segmentation: Segmentation) -> np.dtype[Any]:
    return np.dtype("<u2" if any(one.dtype.itemsize > 1 for one in segmentation.maps) else "<u1")


def _write_voxels(segmentation: Segmentation, write: Callable[[bytes], object]) -> None:
    """Slice by slice, the layers of a voxel beside each other."""
    kind = _type(segmentation)
    for k in range(segmentation.grid.shape[0]):
        write(np.stack([one[k] for one in segmentation.maps], axis=-1).astype(kind).tobytes())
