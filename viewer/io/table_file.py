"""Tables as CSV (RFC 4180): no cell a formula, saved whole or not at all."""

from __future__ import annotations

from pathlib import Path

from viewer.io import replacing
from viewer.io.stored import SaveError

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what begins so is a formula to a spreadsheet, and names come from files


def plain(text: str) -> str:
    """As a spreadsheet shows it, but never a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def save_text(text: str, target: Path) -> None:
    """Save a table: beside first, read back, then renamed over what is there. Raises SaveError, one sentence."""
    data = text.encode("utf-8-sig")  # without the mark spreadsheets take ³ for something else
    try:
        with replacing.temporary(target.parent) as folder:
            made = folder / "made.csv"
            made.write_bytes(data)
            replacing.flush(made)
            if made.read_bytes() != data:
                raise SaveError(f"{target.name} was not saved: the disk gave back something else, check it.")
            made.replace(target)
            replacing.flush(target.parent)
    except OSError as error:
        raise SaveError(f"{target.name} was not saved: {replacing.reason(error, target.parent, len(data))}.") from error
