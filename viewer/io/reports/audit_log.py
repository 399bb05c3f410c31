"""The audit trail: who decided what, and when.

Lines of JSON are only ever appended, each with the SHA-256 of the line before it, so that a line that was changed,
taken out or put in later is noticed.

What is not noticed: lines taken off the end, and a trail that was written anew as a whole; who must rule that out keeps
a copy of the last line elsewhere. Entries name cases as the task list does, and hold nothing else of a patient.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from typing import TYPE_CHECKING, Any

from viewer.files import atomic_write
from viewer.files.file_lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from viewer.data.arrays import Json

FIRST = "0" * 64  # what the first line has in place of a hash
WANTED = {"time": str, "reader": str, "what": str, "facts": dict}
FAULTS = 3  # that are told; the others are counted


@dataclass(frozen=True)
class Entry:
    """A line of the trail. time: ISO 8601 with the zone. what: in one word or two. facts: what it is about."""

    time: str
    reader: str
    what: str
    facts: Json


def append(path: Path, reader: str, what: str, **facts: Any) -> Entry:
    """Add a line, which is on the disk before this returns. Raises OSError; nothing of it stays then."""
    entry = Entry(datetime.now().astimezone().isoformat(timespec="milliseconds"), reader, what, facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileIO(path, "a+b") as file, locked(file):  # two that write after the same line would break the chain
        before = b"".join(_last_lines(file, 1))
        cut = b"\n" if before and not before.endswith(b"\n") else b""  # the power failed in the middle of a line
        fields = {"before": _hash(before) if before else FIRST, **{name: getattr(entry, name) for name in WANTED}}
        line = json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")  # names of files may be no text
        atomic_write.append(file, cut + line + b"\n")
    return entry


def entries(path: Path, most: int = 200) -> list[Entry]:
    """The latest entries, the newest last; lines that cannot be read are left out. Raises OSError."""
    if not path.exists():
        return []
    with path.open("rb", buffering=0) as file:
        lines = [_parse_line(line) for line in _last_lines(file, most)]
    return [Entry(**{name: fields[name] for name in WANTED}) for fields in lines if fields is not None]


def check(path: Path) -> str:
    """Where the chain is broken, in sentences; "" where it is whole. Raises OSError."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        found = list(_faults(file))
    more = [f"There are {len(found) - FAULTS} faults more."] * (len(found) > FAULTS)
    return " ".join([*found[:FAULTS], *more])


def _faults(lines: Iterable[bytes]) -> Iterator[str]:
    """A fault is no end: what was tampered with below a line that a power failure cut off is found as well."""
    before = FIRST
    for number, line in enumerate(lines, 1):
        fields = _parse_line(line)
        if fields is None:
            yield f"Line {number} is no entry: it was cut off or written over."
        elif fields.get("before") != before:
            yield f"The chain is broken at line {number}: it, or what stood before it, was changed or taken out."
        before = _hash(line)


def _parse_line(line: bytes) -> Json | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    right = isinstance(fields, dict) and all(isinstance(fields.get(name), kind) for name, kind in WANTED.items())
    return fields if right else None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def _last_lines(file: FileIO, most: int, step: int = 4096) -> list[bytes]:
    """The latest lines, read from the end: a trail of years is long."""
    end = start = file.seek(0, os.SEEK_END)
    tail = b""
    while start > 0 and tail.rstrip(b"\n").count(b"\n") < most:
        start = max(0, start - step)
        file.seek(start)
        tail = file.read(end - start)
        step *= 2
    return tail.splitlines(keepends=True)[-most:]
