"""The licence that lies beside weights of a person's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.compute.model_files.weights_file import read_text

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("LICENSE", "LICENCE", "LICENSE.txt", "LICENCE.txt", "LICENSE.md", "LICENCE.md", "license.txt", "licence.txt")


def weights_licence(folder: Path) -> str:
    """The text of the licence in a folder of weights or in the one above it; "" without any. Raises Refusal."""
    paths = (place / name for place in (folder, folder.parent) for name in NAMES)
    return next((read_text(path) for path in paths if path.is_file()), "")
