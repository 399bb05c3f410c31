"""The lines of a header in text, before the pixels that may follow it in the same file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.io.errors import OpenError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 16 << 20  # bytes in which a header must be over
MOST_FILES = 1 << 16  # files of pixels of one header


def lines_of(data: bytes) -> Iterator[tuple[str, int]]:
    """Each line without its end, and where the next one begins. The first line tells how lines end: LF, CR LF or CR."""
    feed, back = data.find(b"\n"), data.find(b"\r")
    end = b"\r" if back >= 0 and not 0 <= feed <= back + 1 else b"\n"
    start = 0
    while start < len(data):
        stop = data.find(end, start)
        after = len(data) if stop < 0 else stop + 1
        yield data[start : len(data) if stop < 0 else stop].removesuffix(b"\r").decode("latin-1"), after
        start = after


def expand_pattern(pattern: str, numbers: range) -> tuple[str, ...]:
    """The names that a pattern such as "slice%03d.raw" stands for. Raises OpenError for any other pattern."""
    before, _, rest = pattern.partition("%")
    digits, letter, after = rest.partition("d")
    if not letter or (digits and not digits.isdecimal()) or len(digits) > 2 or "%" in after:
        raise OpenError("Its header names its files of pixels by a pattern that is not known; it was not opened.")
    if len(numbers) > MOST_FILES:
        raise OpenError(f"Its header names {len(numbers):,} files of pixels; it is damaged or hostile.")
    width, fill = int(digits or 0), "0" if digits.startswith("0") else " "
    return tuple(f"{before}{str(number).rjust(width, fill)}{after}" for number in numbers)
