"""The header of an NRRD file, read strictly and written anew, so that ITK reads what was checked and nothing else.

Rules of https://teem.sourceforge.net/nrrd/format.html: a magic line, then "field: description", "key:=value" or
"# comment"; an empty line ends the header, and so does "data file: LIST", after which names follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.io.errors import OpenError
from viewer.io.images.headers.header_lines import MOST_FILES, expand_pattern, lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

FIELDS = (
    "content", "number", "type", "block size", "dimension", "space", "space dimension", "sizes", "spacings",
    "thicknesses", "axis mins", "axis maxs", "space directions", "centers", "centerings", "kinds", "labels", "units",
    "min", "max", "old min", "old max", "endian", "encoding", "line skip", "byte skip", "sample units", "space units",
    "space origin", "measurement frame", "data file",
)  # fmt: skip
NAMED = {field.replace(" ", blank): field for field in FIELDS for blank in (" ", "")}
PATTERN = re.compile(r"(.*%\d{0,2}d\S*)\s+(-?\d{1,9})\s+(-?\d{1,9})\s+(-?\d{1,9})(?:\s+(\d))?")
DIRECTION = re.compile(r"none|\([^)]*\)", re.IGNORECASE)
SPATIAL = {"domain", "space", "time", "???", "none"}  # kinds of axes along which voxels lie
MOST_AXES = 16
LIST = re.compile(r"LIST(?:\s+(\d))?")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f]")
DAMAGED = "Its NRRD header is damaged: {what}; it was not opened."


@dataclass(frozen=True)
class Nrrd:
    """A header that was read.

    magic: its first line. fields: by name. pairs: of keys and values, as they stand in the file.
    names: of the files of pixels; () where these follow the header, which has `lines` lines. part: dimensions of the
    piece that each of several files holds, "" where the header does not say.
    """

    magic: str
    fields: dict[str, str]
    pairs: tuple[str, ...]
    names: tuple[str, ...]
    part: str
    lines: int

    def rewritten(self, places: Sequence[str], size: int) -> bytes:
        """A header that names files beside it."""
        fields = self.fields | _kinds_for_itk(self.fields)
        if not self.names:
            fields["line skip"] = str(self.lines + _line_skip(fields))
        listed = [f"LIST {self.part}".strip(), *places] if len(places) > 1 else [*places, ""]
        told = [f"{field}: {text}" for field, text in fields.items()]
        return "\n".join([self.magic, *told, *self.pairs, f"data file: {listed[0]}", *listed[1:], ""]).encode("latin-1")


def parse_nrrd(data: bytes) -> Nrrd:
    """The header at the beginning of a file. Raises OpenError: one sentence."""
    lines = lines_of(data)
    magic, end = next(lines, ("", 0))
    if not re.fullmatch(r"NRRD\d{4}", magic.strip()) or b"\n" not in data:
        raise OpenError("It is no NRRD file, or its lines do not end as those of one do; it was not opened.")
    fields: dict[str, str] = {}
    pairs: list[str] = []
    for line, end in lines:  # noqa: B007  where the last one ends
        if not line.strip():
            break
        _add_line(line, fields, pairs)
        if LIST.fullmatch(fields.get("data file", "")):
            break
    _check_axes(fields)
    named = fields.pop("data file", "")
    names, part = _files(named, [name for name, _ in lines] if named.startswith("LIST") else [])
    return Nrrd(magic.strip(), fields, tuple(pairs), names, part, data.count(b"\n", 0, end))


def value_axes(fields: dict[str, str]) -> dict[int, str]:
    """Which axes hold the values of a voxel, and what the file calls them ("list", "rgb-color", "time").

    Those are the ones without a direction or, where no axis has one, the ones whose kind is not of space.
    """
    ways = [way.lower() == "none" for way in DIRECTION.findall(fields.get("space directions", ""))]
    kinds = [kind.lower() for kind in fields.get("kinds", "").split()]
    apart = ways or [kind not in SPATIAL for kind in kinds]
    named = dict(enumerate("" if kind in ("???", "none") else kind for kind in kinds))
    return {axis: named.get(axis, "") for axis, holds in enumerate(apart) if holds}


def _check_axes(fields: dict[str, str]) -> None:
    """Where several axes hold values, it must be told of every axis whether it does. Raises OpenError."""
    told = fields.get("kinds", "").split(), DIRECTION.findall(fields.get("space directions", ""))
    counts = {str(len(axes)) for axes in told if axes}
    if len(value_axes(fields)) > 1 and counts != {fields.get("dimension", "")}:
        raise OpenError(DAMAGED.format(what="it does not tell of each axis what lies along it"))


def _kinds_for_itk(fields: dict[str, str]) -> dict[str, str]:
    """ITK has no pixels for some kinds (matrices, whole complex numbers, time); it reads lists of any type.

    Of several lists the first one is the components of its pixels, the others follow the axes of space.
    """
    axes = value_axes(fields)
    count = int(fields["dimension"]) if fields.get("dimension", "").isdecimal() else 0
    if not axes or not max(axes) < count <= MOST_AXES:
        return {}
    return {"kinds": " ".join("list" if n in axes else "domain" for n in range(count))}


def _add_line(line: str, fields: dict[str, str], pairs: list[str]) -> None:
    """Put a line where it belongs; a comment nowhere."""
    if line.startswith("#"):
        return
    if CONTROL.search(line):
        raise OpenError(DAMAGED.format(what="it holds control characters"))
    name, _, text = line.partition(":")
    field = NAMED.get(name.strip().lower())
    if field and not text.startswith("="):
        if field in fields:
            raise OpenError(DAMAGED.format(what=f'it tells "{field}" twice'))
        fields[field] = text.strip()
    elif ":=" in line:
        pairs.append(line)
    else:
        raise OpenError(DAMAGED.format(what=f"it has a line that is neither a field nor a key ({line!a:.40})"))


def _files(text: str, rest: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """What "data file" says: names, and the dimensions of each piece. rest: the lines after it."""
    if listed := LIST.fullmatch(text):
        names = tuple(name.strip() for name in rest if name.strip())
        if not 1 <= len(names) <= MOST_FILES:
            raise OpenError(DAMAGED.format(what=f"it names {len(names):,} files of pixels"))
        return names, listed[1] or ""
    if pattern := PATTERN.fullmatch(text):
        first, last, step = (int(pattern[n]) for n in (2, 3, 4))
        if not step or (last - first) * step < 0:
            raise OpenError(DAMAGED.format(what="the numbers of its files of pixels lead nowhere"))
        return expand_pattern(pattern[1], range(first, last + (1 if step > 0 else -1), step)), pattern[5] or ""
    return ((text,) if text else ()), ""


def _line_skip(fields: dict[str, str]) -> int:
    text = fields.get("line skip", "0")
    if not text.isdecimal() or len(text) > 9:
        raise OpenError(DAMAGED.format(what="line skip is no number"))
    return int(text)
