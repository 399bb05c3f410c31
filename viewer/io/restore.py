"""Images of an earlier session, read again from where they were."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from viewer.data.study import Image
from viewer.data.volume import Volume
from viewer.io.reader import OpenError, Reader, index_now, load_now

log = logging.getLogger(__name__)


def read_again(
    wanted: Mapping[str, tuple[str, ...]], reader: Reader, progress: Callable[[float], None]
) -> dict[str, tuple[Image, tuple[Volume, ...]]]:
    """The images (Image.key -> files) that still open; the others are left out. Blocks: not for the main thread."""
    found: dict[str, tuple[Image, tuple[Volume, ...]]] = {}
    for number, (key, files) in enumerate(wanted.items()):
        progress(number / len(wanted))
        images, _ = index_now(files, reader)
        try:
            for image in (one for one in images if one.key == key):
                found[key] = (image, load_now(image, reader))
        except OpenError:
            log.warning("an image of the recovered session can no longer be read")
    return found
