"""The images of a case of a task list, told apart from its segments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from viewer.io.errors import OpenError
from viewer.io.reader.reader import Reader, index_now

if TYPE_CHECKING:
    from viewer.data.study import Image


def case_images(path: Path, labels: Path, reader: Reader) -> list[Image]:
    """The images of a path that are none of the labels', the largest first. Blocks. Raises OpenError: one sentence."""
    images, refused = index_now([path], reader)
    own = [one for one in images if not any(Path(file) == labels for file in one.source.files)]
    if not own:
        raise OpenError(refused[0].reason if refused else "The case has no image that could be opened: check the list.")
    return sorted(own, key=lambda image: image.bytes, reverse=True)
