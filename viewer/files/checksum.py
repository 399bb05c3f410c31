"""The SHA-256 of a file, by which it is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from viewer.files.regular_file import open_regular


def sha256_of(path: Path) -> str:
    """In hexadecimal. Raises OSError."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
