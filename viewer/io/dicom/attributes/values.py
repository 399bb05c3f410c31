"""The attributes that indexing keeps of a data set, raw until they are asked for (PS3.5 chapter 6)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

from viewer.data.notice import Notice
from viewer.io.dicom.attributes.character_sets import Text, decode

CHARSET, PATIENT_NAME = 0x00080005, 0x00100010
PADDING = " \0\r\n\t"


@dataclass
class Values:
    """The wanted attributes of a data set or item: raw bytes in the file's byte order, and the items of sequences."""

    big_endian: bool = False
    raw: dict[int, bytes] = field(default_factory=dict)
    items: dict[int, list[Values]] = field(default_factory=dict)

    def text(self, tag: int) -> str:
        """The value as text, in the data set's character set, without padding; "" where absent."""
        raw = self.raw.get(tag, b"")
        if raw.isascii() and b"\x1b" not in raw:
            text = raw.decode("ascii").strip(PADDING)
        else:
            text = self.decode_text(tag).text.strip(PADDING)
        return text.rstrip("=") if tag == PATIENT_NAME else text

    def decode_text(self, tag: int) -> Text:
        """The value as text, and what is doubtful about it."""
        charset = self.raw.get(CHARSET, b"").decode("latin-1").strip(PADDING)
        return decode(self.raw.get(tag, b""), charset, person=tag == PATIENT_NAME)

    def texts(self, tag: int) -> tuple[str, ...]:
        """The values of a multi-valued text; () where absent or empty."""
        text = self.text(tag)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Decimal or integer strings; () where absent or not all finite numbers."""
        raw = self.raw.get(tag)
        if not raw:
            return ()
        try:
            found = tuple([float(part.strip(b" \0")) for part in raw.split(b"\\")])
        except ValueError:
            return ()
        return found if all(map(math.isfinite, found)) else ()

    def is_damaged(self, tag: int) -> bool:
        """True where decimal or integer strings are there that are no finite numbers: text, commas, NaN, infinity."""
        return bool(self.raw.get(tag, b"").strip(b" \0\\")) and not self.numbers(tag)

    def number(self, tag: int) -> float | None:
        """The first decimal or integer string, or None."""
        found = self.numbers(tag)
        return found[0] if found else None

    def vector(self, tag: int, length: int) -> tuple[float, ...] | None:
        """Exactly `length` decimal strings, or None."""
        found = self.numbers(tag)
        return found if len(found) == length else None

    def short(self, tag: int, default: int = 0, *, signed: bool = False) -> int:
        """A 16-bit integer (US, or SS where signed)."""
        raw = self.raw.get(tag, b"")
        return int.from_bytes(raw[:2], "big" if self.big_endian else "little", signed=signed) if raw[1:] else default

    def shorts(self, tag: int) -> tuple[int, ...]:
        """16-bit unsigned integers."""
        raw = self.raw.get(tag, b"")
        return struct.unpack_from(f"{'>' if self.big_endian else '<'}{len(raw) // 2}H", raw)

    def long(self, tag: int) -> int | None:
        """A 32-bit unsigned integer (UL), or None."""
        raw = self.raw.get(tag, b"")
        return int.from_bytes(raw[:4], "big" if self.big_endian else "little") if len(raw) >= 4 else None

    def reals(self, tag: int, width: int = 8) -> tuple[float, ...]:
        """Binary floats of `width` bytes (FL: 4, FD: 8); () where absent or not all finite."""
        raw = self.raw.get(tag, b"")
        code = f"{'>' if self.big_endian else '<'}{len(raw) // width}{'f' if width == 4 else 'd'}"
        found = struct.unpack_from(code, raw)
        return found if all(map(math.isfinite, found)) else ()

    def real(self, tag: int, width: int = 8) -> float | None:
        """The first binary float, or None."""
        found = self.reals(tag, width)
        return found[0] if found else None

    def item(self, tag: int) -> Values | None:
        """The first item of a sequence, or None."""
        found = self.items.get(tag)
        return found[0] if found else None


# Texts that are shown: patient's name and id, study and series description, study id, accession number.
SHOWN = (PATIENT_NAME, 0x00100020, 0x00081030, 0x0008103E, 0x00200010, 0x00080050)


def text_notices(values: Values) -> tuple[Notice, ...]:
    """What must be said where texts that are shown do not fit the file's character set."""
    beyond = [tag for tag in SHOWN if not values.raw.get(tag, b"").isascii() or b"\x1b" in values.raw.get(tag, b"")]
    doubts = [doubt for tag in beyond if (doubt := values.decode_text(tag).doubt)]
    sentence = f"Letters of the patient's name or of a description {doubts[0]}; check them." if doubts else ""
    return (Notice("character-set", sentence),) if doubts else ()
