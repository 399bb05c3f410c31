"""The attributes that indexing keeps of a data set, raw until they are asked for (PS3.5 chapter 6)."""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import dataclass, field

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

PATIENT_NAME = 0x00100010
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
            return raw.decode("ascii").strip(PADDING)
        delimiters = PN_DELIMS if tag == PATIENT_NAME else TEXT_VR_DELIMS
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unknown character set costs some letters, not the image
            text = decode_bytes(raw, self._encodings(), delimiters)
        return text.strip(PADDING)

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

    def damaged(self, tag: int) -> bool:
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

    def _encodings(self) -> list[str]:
        names = self.raw.get(0x00080005, b"").decode("ascii", "replace").strip(PADDING).split("\\")
        try:
            return convert_encodings([name.strip() for name in names])
        except (LookupError, ValueError):
            return ["latin-1"]
