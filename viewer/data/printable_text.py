"""Names and texts of others made fit to be printed and shown: what has no picture of its own is written out."""

from __future__ import annotations

import re

# Halves of characters: bytes of a file name that are no UTF-8 come as such (PEP 383), and no encoder takes them.
HALVES = "\ud800-\udfff"
# What moves the cursor, ends a line, or turns the direction of what follows.
CONTROLS = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
# What is not seen at all, or by some fonts only: soft hyphens, fillers, spaces of no width, tags, private characters.
UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\uffff"
    "\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
# Joiners shape the letters of these scripts (Arabic to Myanmar, Mongolian); behind others they are only not seen.
JOINED = "\u0600-\u109f\u1780-\u18af"
# Marks above, below and through a letter. Points of Hebrew and Arabic and tones of Thai come three to a letter.
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u06d6-\u06ed\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
MOST_MARKS = 4

_HALF = re.compile(f"[{HALVES}]")
_UNFIT = re.compile(f"[{HALVES}{CONTROLS}{UNSEEN}]|(?<![{JOINED}])[\u200c\u200d]")
_FLOOD = re.compile(f"([{MARKS}]{{{MOST_MARKS}}})[{MARKS}]+")


def encodable(text: str) -> str:
    r"""The text as it is, but a byte that was no UTF-8 as \xe9, so that it can be written as UTF-8."""
    return _HALF.sub(_written_out, text)


def printable(text: str) -> str:
    """As `encodable`, in one line, and all of it to be seen: what is not, or turns the direction, is written out.

    Of more than four marks on one letter the rest is "…". Twice is the same as once.
    """
    return _FLOOD.sub(r"\1…", _UNFIT.sub(_written_out, text))


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    byte = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code
    if byte < 0x100:
        return f"\\x{byte:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def keep_printable(value: object, *fields: str) -> None:
    """Make texts, or tuples of texts, of a value that is being made (frozen or not) printable: they will be shown."""
    for field in fields:
        text = getattr(value, field)
        object.__setattr__(value, field, printable(text) if isinstance(text, str) else tuple(map(printable, text)))
