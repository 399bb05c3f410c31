"""The SHA-256 of a file, by which it is known again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from viewer.files.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal. Raises OSError where it cannot be read."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
