"""Names and texts of others made fit to be printed and shown: what has no picture of its own is written out."""

from __future__ import annotations

import re

# Halves of characters: bytes of a file name that are no UTF-8 come as such (PEP 383), and no encoder takes them.
HALVES = "\ud800-\udfff"
# What moves the cursor, ends a line, or turns the direction of what follows.
CONTROLS = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"


def encodable(text: str) -> str:
    """The text as it is, but a byte that was no UTF-8 as \\xe9, so that it can be written as UTF-8."""
    return re.sub(f"[{HALVES}]", _written_out, text)


def printable(text: str) -> str:
    """As `encodable`, in one line: control characters and what turns the direction are written out, too."""
    return re.sub(f"[{HALVES}{CONTROLS}]", _written_out, text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    byte = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code
    return f"\\x{byte:02x}" if byte < 0x100 else f"\\u{code:04x}"
