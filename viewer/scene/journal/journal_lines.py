"""The lines of a journal: JSON with a checksum that goes on from the line before it.

So a line which is missing is found, too. What is damaged, cut off or of another program ends them.
"""

from __future__ import annotations

import json
import logging
import re
import zlib
from pathlib import Path
from typing import Any, get_args

from viewer.data.arrays import Json
from viewer.scene.history import Step
from viewer.scene.journal.edit_codec import UnknownEditError, check_edit

log = logging.getLogger(__name__)

LINE = re.compile(rb'(.*), "crc": (\d{1,10})\}', re.DOTALL)
DAMAGED = "Step {} of this session is damaged on the disk: it and what was done after it cannot be brought back."
UNKNOWN = (
    "This journal was written by a newer Tomolens: it holds an edit that this one does not know ({!r}), as step {}; "
    "only what was done before it can be brought back here."
)


def read_steps(path: Path) -> tuple[tuple[Json, ...], str]:
    """Every step that is whole, and in one sentence what ends them before the file does. Raises OSError."""
    data = path.read_bytes()
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    checked = any(map(LINE.fullmatch, lines))  # the version before wrote no checksums
    steps: list[Json] = []
    total = 0
    for number, line in enumerate(lines, 1):
        try:
            step, total = decode_line(line, total) if checked else (json.loads(line.decode()), 0)
            _check_step(step)
        except UnknownEditError as error:
            return tuple(steps), UNKNOWN.format(str(error)[:40], number)
        except (ValueError, RecursionError) as error:
            log.warning("journal %s: ended before step %d: %s", path.parent.name, number, type(error).__name__)
            return tuple(steps), DAMAGED.format(number)
        steps.append(step)
    return tuple(steps), ""


def encode_line(entry: Json, before: int = 0) -> tuple[bytes, int]:
    """The line of an entry, and its checksum, which goes on from `before`, that of the line before it."""
    body = json.dumps(entry).encode()
    total = zlib.crc32(body, before)
    return body[:-1] + f', "crc": {total}}}\n'.encode(), total


def decode_line(line: bytes, before: int = 0) -> tuple[Json, int]:
    """The entry of a line, and the line's checksum. Raises ValueError where it is damaged."""
    found = LINE.fullmatch(line)
    total = zlib.crc32(found[1] + b"}", before) if found else 0
    if found is None or total != int(found[2]):
        raise ValueError("not what was written")
    entry = json.loads(found[1].decode() + "}")
    if not isinstance(entry, dict):
        raise ValueError("no object")
    return entry, total


def _check_step(step: Any) -> None:
    """Raises ValueError where it is none."""
    if not isinstance(step, dict) or step.get("step") not in get_args(Step):
        raise ValueError("no step")
    if step["step"] == "do":
        check_edit(step.get("edit"))
