"""Texts in the character sets of DICOM (PS3.3 C.12.1.1.2, PS3.5 6.1.2), with the escape sequences of ISO 2022.

pydicom leaves the escape sequences of GB 2312 in the text, and cuts Japanese names at bytes that are half a letter.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ESCAPE = 0x1B
WHOLE = {"ISO IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk"}  # sets without escape sequences
# Sets of the upper half (G1), by the number in their names: escape sequence, codec. The last two are pairs of bytes,
# read as the supersets that some writers use of KS X 1001 and GB 2312.
SETS = {
    "100": (b"-A", "latin-1"),
    "101": (b"-B", "iso8859-2"),
    "109": (b"-C", "iso8859-3"),
    "110": (b"-D", "iso8859-4"),
    "144": (b"-L", "iso8859-5"),
    "127": (b"-G", "iso8859-6"),
    "126": (b"-F", "iso8859-7"),
    "138": (b"-H", "iso8859-8"),
    "148": (b"-M", "iso8859-9"),
    "203": (b"-b", "iso8859-15"),
    "166": (b"-T", "tis-620"),
    "13": (b")I", "shift-jis"),
    "149": (b"$)C", "cp949"),
    "58": (b"$)A", "gbk"),
}
UPPER = {number: codec for number, (_, codec) in SETS.items()}
G1 = dict(SETS.values())
PAIRS = ("cp949", "gbk")
# Lower half (G0): the letters of a pair, and what stands before each pair in EUC-JP; none for one byte a letter.
G0 = {b"(B": None, b"(J": None, b"$B": b"", b"$@": b"", b"$(D": b"\x8f"}
SEQUENCE = re.compile(rb"\$[()][A-Z]|[-()$.][A-Za-z@]")
LATIN = ("", "latin-1")


class Text(NamedTuple):
    """A decoded text. doubt: "" or, where the file is wrong, the end of a sentence on how its bytes were taken."""

    text: str
    doubt: str = ""


def decode(raw: bytes, charset: str, *, person: bool = False) -> Text:
    """A value as text.

    charset: Specific Character Set as stored, values parted by backslashes. person: a name, in which ^ and = end what
    an escape sequence began, too.
    """
    names = [re.sub(r"[ _-]+", " ", name).strip().upper() for name in charset.split("\\")]
    if raw.isascii() and ESCAPE not in raw:
        return Text(raw.decode("ascii"))
    if codec := WHOLE.get(names[0].removeprefix("ISO 2022 ")):
        return _decode_whole(raw, codec)
    uppers = [UPPER.get(name.removeprefix("ISO ").removeprefix("2022 ").removeprefix("IR "), "") for name in names]
    ends = b"\\^=" if person else b"\\\r\n\f\t"
    if ESCAPE in raw:
        return _decode_escapes(raw, uppers[0], ends)
    if found := _as_utf8(raw, 1 if uppers[0] in LATIN else 2):
        return Text(found, f"are UTF-8, although the file says {names[0] or 'that they are ASCII'}")
    if uppers[0]:
        return _decode_escapes(raw, uppers[0], ends)
    if meant := next(filter(None, uppers), ""):
        return Text(_decode_escapes(raw, meant, ends).text, "lack the escape sequences of their character set")
    return Text(raw.decode("latin-1"), "are in no character set that the file names, and taken as Western European")


def _decode_whole(raw: bytes, codec: str) -> Text:
    """A text in one multi-byte set."""
    try:
        return Text(raw.decode(codec))
    except UnicodeDecodeError:
        pass
    if found := _as_utf8(raw, 1):
        return Text(found, f"are UTF-8, although the file says {codec.upper()}")
    if codec == "utf-8":
        return Text(raw.decode("latin-1"), "are not in UTF-8, as the file says, but taken as Western European")
    return Text(raw.decode(codec, "replace"), f"are not in {codec.upper()}, as the file says; some are lost")


def _as_utf8(raw: bytes, least: int) -> str:
    """The text where its bytes are UTF-8 and hold at least so many letters beyond ASCII; "" where not."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if sum(letter > "\x7f" for letter in text) >= least else ""


def _decode_escapes(raw: bytes, upper: str, ends: bytes) -> Text:
    """A text with escape sequences. upper: the codec of bytes above 127 at its start and after each end."""
    out: list[str] = []
    lower, now, at, lost = None, upper, 0, False
    while at < len(raw):
        byte = raw[at]
        if byte == ESCAPE:
            sequence = SEQUENCE.match(raw, at + 1)
            if sequence and sequence[0] in G0:
                lower = G0[sequence[0]]
            elif sequence and sequence[0] in G1:
                now = G1[sequence[0]]
            lost |= not sequence
            at = sequence.end() if sequence else at + 1
            continue
        size = _letter_size(byte, lower, now)
        piece = raw[at : at + size]
        letters, found = _decode_letter(piece, lower, now)
        out.append(letters)
        lost |= not found
        if size == 1 and byte in ends:
            lower, now = None, upper or now  # some writers set the upper half once only
        at += size
    return Text("".join(out), "are not in the character set of the file; some are lost" if lost else "")


def _letter_size(byte: int, lower: bytes | None, upper: str) -> int:
    """Bytes of the letter that begins with this one."""
    if byte < 0x80:
        return 2 if lower is not None and byte > 0x20 else 1
    return 2 if upper in PAIRS else 1


def _decode_letter(piece: bytes, lower: bytes | None, upper: str) -> tuple[str, bool]:
    """The letter of one or two bytes, and whether it is known."""
    codec = upper or "latin-1"
    if piece[0] < 0x80:
        codec = "ascii"
        if len(piece) == 2 and lower is not None:
            piece, codec = lower + bytes(byte | 0x80 for byte in piece), "euc-jp"
    try:
        return piece.decode(codec), bool(upper) or piece[0] < 0x80 or codec == "euc-jp"
    except UnicodeDecodeError:
        return "\ufffd", False
