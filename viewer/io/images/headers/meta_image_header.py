"""The header of a MetaImage, read strictly and written anew, so that ITK reads what was checked and nothing else.

Rules of https://github.com/Kitware/MetaIO: one "Key = Value" a line, ":" for "=" as well; the header ends with
ElementDataFile, which names a file, LOCAL (the pixels follow), LIST (names follow) or a pattern with its numbers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.io.errors import OpenError
from viewer.io.images.headers.header_lines import MOST_FILES, expand_pattern, lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# What says how pixels are stored and placed. Everything else has no part in reading and is left out.
KEYS = (
    "ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData",
    "CompressedDataSize", "DimSize", "ElementType", "ElementNumberOfChannels", "ElementSpacing", "ElementSize",
    "HeaderSize", "Offset", "Position", "Origin", "TransformMatrix", "Rotation", "Orientation", "CenterOfRotation",
    "AnatomicalOrientation", "DistanceUnits", "ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset",
)  # fmt: skip
NAMED = {key.lower(): key for key in KEYS}
# How many numbers: as many as there are dimensions (1), or that squared (2).
VECTORS = {
    "DimSize": 1, "ElementSpacing": 1, "ElementSize": 1, "Offset": 1, "Position": 1, "Origin": 1, "CenterOfRotation": 1,
    "TransformMatrix": 2, "Rotation": 2, "Orientation": 2,
}  # fmt: skip
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
MOST_DIMENSIONS, MOST_CHANNELS = 10, 65_535
DATA = "elementdatafile"
PATTERN = re.compile(r"(.*%\d{0,2}d\S*)(?:\s+(-?\d{1,9}))?(?:\s+(-?\d{1,9}))?(?:\s+(\d{1,9}))?")
DAMAGED = "Its MetaImage header is damaged: {what}; it was not opened."


@dataclass(frozen=True)
class MetaImage:
    """A header that was read.

    fields: by key. names: of the files of pixels, () where these follow the header at `offset`.
    part: dimensions of the piece that each of several files holds; 0 where there is one file.
    """

    fields: dict[str, str]
    names: tuple[str, ...]
    part: int
    offset: int

    def rewritten(self, places: Sequence[str], size: int) -> bytes:
        """A header that names files beside it. size: bytes of the first."""
        fields = dict(self.fields)
        start, packed = (_number(fields, key) for key in ("HeaderSize", "CompressedDataSize"))
        if not self.names and start == 0:
            start = self.offset
            fields["HeaderSize"] = str(start)
        if fields.get("CompressedData", "")[:1] in ("T", "t", "1") and not self.part:
            there = size - max(start, 0)
            if there < 1:
                raise OpenError(DAMAGED.format(what="its pixels begin behind its end"))
            fields["CompressedDataSize"] = str(min(packed, there) if packed > 0 else there)
        listed = [f"LIST {self.part}D", *places] if self.part else places
        lines = [f"{key} = {text}" for key, text in fields.items()]
        return "\n".join([*lines, f"ElementDataFile = {listed[0]}", *listed[1:], ""]).encode("ascii")


def parse_meta_image(data: bytes) -> MetaImage:
    """The header at the beginning of a file. Raises OpenError: one sentence."""
    fields: dict[str, str] = {}
    lines = lines_of(data)
    for line, after in lines:
        key, text = _key_value(line)
        if key == DATA:
            rest = [name for name, _ in lines] if text.startswith("LIST") else []
            return _with_files(fields, text, rest, after)
        if key not in NAMED:
            continue
        if fields.setdefault(NAMED[key], text) != text:
            raise OpenError(DAMAGED.format(what=f"it tells {NAMED[key]} twice"))
    raise OpenError(DAMAGED.format(what="it names no file of pixels"))


def _key_value(line: str) -> tuple[str, str]:
    """Key (in small letters) and value of a line; ("", "") for a line of neither."""
    key, sign, text = re.fullmatch(r"([^=:]*)([=:]?)[\s=:]*(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
    key, text = key.strip().lower(), text.strip()
    if key != DATA:
        text = " ".join(text.split())
    if sign and key in NAMED and not (text.isascii() and text.isprintable() and len(text) < 1000):
        raise OpenError(DAMAGED.format(what=f"{NAMED[key]} is no text that is known"))
    return (key, text) if sign else ("", "")


def _with_files(fields: dict[str, str], text: str, rest: Sequence[str], offset: int) -> MetaImage:
    """What ElementDataFile says. rest: the lines after it."""
    _check_numbers(fields)
    words = text.split()
    if not words:
        raise OpenError(DAMAGED.format(what="it names no file of pixels"))
    if text in ("LOCAL", "Local", "local"):
        return MetaImage(fields, (), 0, offset)
    size = [int(word) for word in fields["DimSize"].split()]
    if words[0] == "LIST" and len(words) <= 2:
        part = _piece_dimensions(words[1] if len(words) > 1 else f"{len(size) - 1}D", len(size))
        names = [name.strip() for name in rest if name.strip()]
        return MetaImage(fields, _piece_names(names, size[part:]), part, 0)
    if pattern := PATTERN.fullmatch(text):
        first, last, step = int(pattern[2] or 1), int(pattern[3] or size[-1]), int(pattern[4] or 0)
        step = step or (last - first) // size[-1] if pattern[3] else 1
        names = list(expand_pattern(pattern[1], range(first, last + 1, max(step, 1))))
        return MetaImage(fields, _piece_names(names, size[-1:]), len(size) - 1, 0)
    return MetaImage(fields, (text,), 0, 0)


def _piece_names(names: Sequence[str], size: Sequence[int]) -> tuple[str, ...]:
    """As many names as there are pieces; more than these are left out, as MetaIO does."""
    count = math.prod(size)
    if not 1 <= count <= min(len(names), MOST_FILES):
        raise OpenError(DAMAGED.format(what=f"it has {count:,} pieces and names {len(names):,} files"))
    return tuple(names[:count])


def _check_numbers(fields: dict[str, str]) -> None:
    """As many and such as MetaIO needs: it writes past its arrays for others. What is too many is left out."""
    dimensions = _number(fields, "NDims")
    if not 2 <= dimensions <= MOST_DIMENSIONS:
        raise OpenError(DAMAGED.format(what=f"NDims is not 2 to {MOST_DIMENSIONS}"))
    if not 1 <= _number({"ElementNumberOfChannels": "1"} | fields, "ElementNumberOfChannels") <= MOST_CHANNELS:
        raise OpenError(DAMAGED.format(what=f"ElementNumberOfChannels is not 1 to {MOST_CHANNELS}"))
    for key, power in VECTORS.items():
        words, count = fields.get(key, "").split(), dimensions**power
        if key in fields and (len(words) < count or (power == 2 and len(words) > count)):
            raise OpenError(DAMAGED.format(what=f"{key} holds {len(words)} numbers for {dimensions} dimensions"))
        if not all(map(NUMBER.fullmatch, words)):
            raise OpenError(DAMAGED.format(what=f"{key} holds what is no number ({fields[key]:.40})"))
        if key in fields:
            fields[key] = " ".join(words[:count])
    if not all(word.isdecimal() and 0 < int(word) < 1 << 31 for word in fields.get("DimSize", "none").split()):
        raise OpenError(DAMAGED.format(what="DimSize holds no sizes"))


def _piece_dimensions(word: str, dimensions: int) -> int:
    """Of "2D": 2."""
    part = int(word[0]) if word[:1].isdecimal() and word[1:].upper() in ("", "D") else 0
    if not 1 <= part <= dimensions:
        raise OpenError(DAMAGED.format(what="it does not tell what each of its files holds"))
    return part


def _number(fields: dict[str, str], key: str) -> int:
    text = fields.get(key, "0")
    if not re.fullmatch(r"[+-]?\d{1,15}", text):
        raise OpenError(DAMAGED.format(what=f"{key} is no number"))
    return int(text)
