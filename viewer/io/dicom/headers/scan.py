"""Scan the header of one DICOM file (PS3.5 chapter 7, PS3.10 chapter 7) without building a data set.

A walk over one read of the file's beginning keeps the raw values of the attributes that indexing needs, steps over
everything else and stops at the pixels. Every length is checked against the size of the file before it is believed.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import BinaryIO

from viewer.io.archive import Stamp, open_content
from viewer.io.dicom.attributes.private import PRIVATE_SEQUENCES, is_private_sequence
from viewer.io.dicom.attributes.tags import SEQUENCES, WANTED, not_an_image
from viewer.io.dicom.attributes.values import Values
from viewer.io.dicom.headers.frames import with_frames
from viewer.io.dicom.headers.header import Header
from viewer.io.dicom.headers.pixel_format import (
    BIG_ENDIAN,
    DEFLATED,
    DOUBLE_PIXELS,
    EXPLICIT,
    FLOAT_PIXELS,
    IMPLICIT,
    PIXELS,
    pixels_of,
)
from viewer.io.dicom.headers.suv import tracer_of
from viewer.io.errors import NoImageError, ScanError

FIRST_READ = 1 << 13  # covers the header of a usual CT or MR slice
NEXT_READ = 1 << 17
MAX_VALUE = 1 << 20  # bytes of one wanted value
MAX_ELEMENTS = 4_000_000
MAX_DEPTH = 16  # of sequences within sequences
MAX_INFLATED = 1 << 26  # bytes of a deflated data set that are unpacked to find its pixels

SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())  # VRs of 16-bit length
LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
HEADS = {o: (struct.Struct(o + "HH2sH").unpack_from, struct.Struct(o + "HHL").unpack_from) for o in "<>"}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_TAGS = (PIXELS, FLOAT_PIXELS, DOUBLE_PIXELS)
STOPS = SEQUENCES | PRIVATE_SEQUENCES | {*PIXEL_TAGS, ITEM, ITEM_END, SEQUENCE_END}


def scan_file(path: str) -> Header:
    """The header of an image file, of a member of an archive, or of what is packed in either.

    Raises ScanError or OpenError with one sentence where it is none, OSError where unreadable.
    """
    with open_content(path, _begins) as (file, size, stamp):
        return scan(file, path, size, stamp)


def scan(file: BinaryIO, path: str, size: int, stamp: Stamp | None) -> Header:
    """The header of an open, seekable file of `size` bytes. Raises ScanError with one sentence for the user."""
    walk = _Walk(file, size)
    walk.run()
    values = walk.values
    kind = values.text(0x00080016) or walk.media_class
    what = not_an_image(kind)
    if what:
        more = "" if ";" in what else "; Tomolens shows radiological images only so far"
        raise NoImageError(kind, f"This is {what}{more}.")
    if not walk.pixel_tag:
        raise ScanError(walk.cut_off() if walk.cut else "This DICOM file holds no pixels; there is nothing to show.")
    remaining = walk.size - walk.position
    pixels = pixels_of(values, walk.pixel_tag, walk.pixel_length, remaining, walk.syntax)
    offset = -1 if walk.syntax == DEFLATED else walk.position
    return with_frames(Header(path, size, stamp, values, walk.syntax, offset, pixels, tracer=tracer_of(values)))


def _begins(start: bytes) -> bool:
    """Whether a DICOM file may begin so, with its preamble or without."""
    return start[128:132] == b"DICM" or start[:1] in (b"\x02", b"\x08")


class _Walk:
    """One pass over the elements. `position` is a place in the (inflated) data, `file` where it is read from."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.buffer, self.base, self.position = file.read(FIRST_READ), 0, 0
        self.explicit, self.unknown, self.order, self.count = True, False, "<", 0
        self.values, self.syntax, self.media_class = Values(), "", ""
        self.pixel_tag, self.pixel_length, self.cut = 0, 0, False

    def run(self) -> None:
        """Fill values, syntax, pixel_tag (0: none), pixel_length (-1: encapsulated) and position (of the pixels)."""
        if self.buffer[128:132] == b"DICM":
            self.position = 132
        else:
            self._check_start()
        meta = self._meta()
        self.syntax, self.media_class = meta.text(0x00020010), meta.text(0x00020002)
        if self.syntax == DEFLATED:
            self._inflate()
        self._find_encoding()
        self.values = self._data_set(self.size, 0)
        self.cut = self.position != self.size

    def cut_off(self) -> str:
        return f"This DICOM file is cut off in its header, after {self.size:,} bytes; copy it again from its source."

    def _check_start(self) -> None:
        """A file without preamble must begin with an element of group 2 or 8."""
        head = self.buffer[:8].ljust(8, b"\0")
        little, big = struct.unpack_from("<HH", head), struct.unpack_from(">HH", head)
        typed = head[4:6].isalpha() and head[4:6].isupper()
        if not ((little[0] in (2, 8) and little[1] < 0x100 and (typed or little[0] == 8)) or (big[0] == 8 and typed)):
            raise ScanError("This is not a DICOM file.")

    def _meta(self) -> Values:
        """The File Meta Information: group 2, always Explicit VR Little Endian."""
        meta = Values()
        while self._has(8) and self.buffer[self.position - self.base : self.position - self.base + 2] == b"\x02\x00":
            tag, length = self._element()
            self._value(meta, tag, length)
        return meta

    def _find_encoding(self) -> None:
        """Byte order and VR mode, from the transfer syntax and, as files lie about it, from the first element."""
        if not self._has(8):
            raise ScanError(self.cut_off() if self.position > 132 else "This is not a DICOM file.")
        at = self.position - self.base
        vr = self.buffer[at + 4 : at + 6]
        self.explicit = vr.isalpha() and vr.isupper()
        big = self.syntax == BIG_ENDIAN or (not self.syntax and self.buffer[at : at + 2] == b"\x00\x08")
        self.order = ">" if big else "<"
        self.syntax = self.syntax or (BIG_ENDIAN if big else EXPLICIT if self.explicit else IMPLICIT)

    def _inflate(self) -> None:
        """Replace the rest by its unpacked beginning (Deflated Explicit VR Little Endian, PS3.5 A.5)."""
        self.file.seek(self.position)
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(self.file.read(MAX_INFLATED), MAX_INFLATED)
        except zlib.error as error:
            raise ScanError("This deflated DICOM file is damaged; copy it again from its source.") from error
        self.file, self.buffer, self.base, self.position = BytesIO(data), data, 0, 0
        self.size *= 1032  # no deflated stream unpacks to more

    def _data_set(self, end: int, depth: int) -> Values:
        """The elements up to `end`, the end of the item, or the pixels."""
        out = Values(self.order == ">")
        while self.position < end and self._has(8):
            if self._plain_elements(out, end):
                continue
            tag, length = self._element()
            if tag == ITEM_END:
                break
            if depth == 0 and tag in PIXEL_TAGS:
                self.pixel_tag, self.pixel_length = tag, -1 if length == UNDEFINED else length
                break
            wanted = tag in SEQUENCES or is_private_sequence(out, tag)
            if length == UNDEFINED or wanted:
                items = self._sequence(length, depth + 1, wanted)
                if wanted:
                    out.items[tag] = items
            elif self.position + length > end:
                raise ScanError(self._length_error(tag, length))
            else:
                self._value(out, tag, length)
        return out

    def _plain_elements(self, out: Values, end: int) -> int:
        """Go over elements that lie in the buffer and need no care, the bulk of every header; how many there were."""
        buffer, explicit, count = self.buffer, self.explicit, 0
        typed, untyped = HEADS[self.order]
        at = self.position - self.base
        limit = min(end - self.base, len(buffer))
        while at + 8 <= limit:
            if explicit:
                group, number, vr, length = typed(buffer, at)
                if vr not in SHORT:
                    break
            else:
                group, number, length = untyped(buffer, at)
            tag = group << 16 | number
            after = at + 8 + length
            if after > limit or tag in STOPS:
                break
            if tag in WANTED:
                out.raw[tag] = buffer[at + 8 : after]
            at = after
            count += 1
        self.position = self.base + at
        self.count += count
        return count

    def _sequence(self, length: int, depth: int, wanted: bool) -> list[Values]:
        """The items of a sequence, none where it is not wanted; the position goes behind it."""
        if depth > MAX_DEPTH:
            raise ScanError("This DICOM file nests sequences too deeply; it is damaged or hostile.")
        end = self.size if length == UNDEFINED else self.position + length
        outer, self.explicit = self.explicit, self.explicit and not self.unknown
        inner = self.explicit
        items = []
        while self.position < end and self._has(8):
            tag, size = self._element()
            if tag == SEQUENCE_END:
                break
            stop = end if size == UNDEFINED else self.position + size
            if tag != ITEM or stop > end:
                raise ScanError(self._length_error(tag, size))
            if wanted or size == UNDEFINED:
                items.append(self._data_set(stop, depth))
            else:
                self.position = stop  # a fragment of an icon's pixels, or an item nobody asks for
            self.explicit = inner
        self.explicit = outer
        return items if wanted else []

    def _element(self) -> tuple[int, int]:
        """Tag and length of the element at the position, which moves to its value."""
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise ScanError("This DICOM file has a header of millions of elements; it is damaged or hostile.")
        at = self.position - self.base
        group, number, vr, length = struct.unpack_from(self.order + "HH2sH", self.buffer, at)
        self.unknown = vr == b"UN"
        if group == 0xFFFE or not (self.explicit and vr.isalpha()):
            (length,) = struct.unpack_from(self.order + "L", self.buffer, at + 4)
            self.position += 8
        elif vr in LONG:
            if not self._has(12):
                raise ScanError(self.cut_off())
            (length,) = struct.unpack_from(self.order + "L", self.buffer, self.position - self.base + 8)
            self.position += 12
        else:
            self.position += 8
        return group << 16 | number, length

    def _value(self, out: Values, tag: int, length: int) -> None:
        """Store the value where it is wanted, and go behind it."""
        if tag in WANTED and length <= MAX_VALUE:
            if not self._has(length):
                raise ScanError(self._length_error(tag, length))
            at = self.position - self.base
            out.raw[tag] = self.buffer[at : at + length]
        self.position += length

    def _has(self, count: int) -> bool:
        """Have `count` bytes from the position on in the buffer; False where the file ends before."""
        if self.position + count <= self.base + len(self.buffer):
            return True
        self.file.seek(self.position)
        self.buffer, self.base = self.file.read(max(count, NEXT_READ)), self.position
        return len(self.buffer) >= count

    def _length_error(self, tag: int, length: int) -> str:
        remaining = max(0, self.size - self.position)
        return (
            f"This DICOM file is damaged: element ({tag >> 16:04X},{tag & 0xFFFF:04X}) claims {length:,} bytes "
            f"where {remaining:,} are left; copy it again from its source."
        )
