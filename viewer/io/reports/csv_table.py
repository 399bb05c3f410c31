"""Tables as CSV (RFC 4180): no cell a formula, saved whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.files import atomic_write
from viewer.io.errors import SaveError

if TYPE_CHECKING:
    from pathlib import Path

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what begins so is a formula to a spreadsheet, and names come from files


def safe_cell(text: str) -> str:
    """A cell that a spreadsheet shows as this text and never takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def save_text(text: str, target: Path, encoding: str = "utf-8-sig") -> None:
    """Save a table, or a text about it: beside first, read back, then renamed over what is there.

    Raises SaveError, one sentence.
    """
    data = text.encode(encoding)  # without the mark of utf-8-sig spreadsheets take ³ for something else
    try:
        with atomic_write.temporary_folder(target.parent) as folder:
            made = folder / f"made{target.suffix}"
            made.write_bytes(data)
            atomic_write.flush(made)
            if made.read_bytes() != data:
                raise SaveError(f"{target.name} was not saved: the disk gave back something else, check it.")
            made.replace(target)
            atomic_write.flush(target.parent)
    except OSError as error:
        raise SaveError(
            f"{target.name} was not saved: {atomic_write.failure_reason(error, target.parent, len(data))}."
        ) from error
