"""The lines of a journal: JSON with a checksum that goes on from the line before it, so that a line which is missing is
found, too. What is damaged, cut off or of another program ends them."""

from __future__ import annotations

import json
import logging
import re
import zlib
from pathlib import Path
from typing import Any, get_args

from viewer.scene.history import Step
from viewer.scene.journal.serialization import Json

log = logging.getLogger(__name__)

LINE = re.compile(rb'(.*), "crc": (\d{1,10})\}', re.DOTALL)
DAMAGED = "Step {} of this session is damaged on the disk: it and what was done after it cannot be brought back."
UNKNOWN = (
    "Step {} of this session is an edit that this Tomolens does not know ({!r}): bring the session back with the newer "
    "one that made it; here it ends before that step."
)
NOTHING = type(None)
KINDS: dict[str, dict[str, type | tuple[type, ...]]] = {  # of edits, with what each must say
    "add": {"layer": dict, "index": (int, NOTHING)},
    "remove": {"layer": str},
    "move": {"layer": str, "after": int},
    "rename": {"layer": str, "after": str},
    "review": {"layer": str, "after": str},
    "align": {"layer": str, "after": (dict, NOTHING), "gesture": str},
    "landmark": {"id": str, "after": (dict, NOTHING), "index": int, "gesture": str},
    "labels": {"layer": str, "label": str, "gesture": str},
    "together": {"label": str, "edits": list},
}


class UnknownEditError(ValueError):
    """An edit of a kind that only another version of the program knows: it is never taken for one of ours."""


def read_steps(path: Path) -> tuple[tuple[Json, ...], str]:
    """Every step that is whole, and what ends them before the file does. Raises OSError."""
    data = path.read_bytes()
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    checked = any(map(LINE.fullmatch, lines))  # the version before wrote no checksums
    steps: list[Json] = []
    total = 0
    for number, line in enumerate(lines, 1):
        try:
            step, total = unsealed(line, total) if checked else (json.loads(line.decode()), 0)
            _check_step(step)
        except UnknownEditError as error:
            return tuple(steps), UNKNOWN.format(number, str(error)[:40])
        except (ValueError, RecursionError) as error:
            log.warning("journal %s: ended before step %d: %s", path.parent.name, number, type(error).__name__)
            return tuple(steps), DAMAGED.format(number)
        steps.append(step)
    return tuple(steps), ""


def sealed(entry: Json, before: int = 0) -> tuple[bytes, int]:
    """A line of JSON with its checksum, which goes on from that of the line before it; the line, and its checksum."""
    body = json.dumps(entry).encode()
    total = zlib.crc32(body, before)
    return body[:-1] + f', "crc": {total}}}\n'.encode(), total


def unsealed(line: bytes, before: int = 0) -> tuple[Json, int]:
    """What `sealed` made of an entry, and its checksum. Raises ValueError where it is damaged."""
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
        _check_edit(step.get("edit"))


def _check_edit(edit: Any) -> None:
    kind = edit.get("kind") if isinstance(edit, dict) else None
    if isinstance(kind, str) and kind not in KINDS:
        raise UnknownEditError(kind)
    if not isinstance(kind, str):
        raise ValueError("no edit")
    if not all(name in edit and isinstance(edit[name], types) for name, types in KINDS[kind].items()):
        raise ValueError(f"no edit of the kind {kind!r}")
    for part in edit["edits"] if kind == "together" else ():
        _check_edit(part)
    if kind == "add":
        _check_layer(edit["layer"])


def _check_layer(entry: Json) -> None:
    files = entry.get("files", None if "image" in entry else [])
    texts = [entry.get("id"), entry.get("image", ""), *(files if isinstance(files, list) else [None])]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("no layer")
