"""The audit trail: who decided what, and when. Lines of JSON that are only ever appended, each with the SHA-256 of the
line before it, so that a line that was changed, taken out or put in later is noticed.

What is not noticed: lines taken off the end, and a trail that was written anew as a whole; who must rule that out keeps
a copy of the last line elsewhere. Entries name cases as the task list does, and hold nothing else of a patient.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FIRST = "0" * 64  # what the first line has in place of a hash
WANTED = ("time", "reader", "what", "facts")


@dataclass(frozen=True)
class Entry:
    """time: ISO 8601 with the zone. what: in one word or two. facts: what it is about."""

    time: str
    reader: str
    what: str
    facts: dict[str, Any]


def append(path: Path, reader: str, what: str, **facts: Any) -> Entry:
    """One more line, on the disk before this returns. Raises OSError."""
    entry = Entry(datetime.now().astimezone().isoformat(timespec="milliseconds"), reader, what, facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        before = _last_line(file.fileno())
        cut = b"\n" if before and not before.endswith(b"\n") else b""  # the power failed in the middle of a line
        told = {"before": _hash(before) if before else FIRST, **{name: getattr(entry, name) for name in WANTED}}
        file.write(cut + json.dumps(told, ensure_ascii=False).encode() + b"\n")
        os.fsync(file.fileno())
    return entry


def entries(path: Path, most: int = 200) -> list[Entry]:
    """The latest ones, the newest last; lines that cannot be read are left out. Raises OSError."""
    lines = path.read_bytes().splitlines()[-most:] if path.exists() else []
    told = (_told(line) for line in lines)
    return [Entry(**{name: one[name] for name in WANTED}) for one in told if one is not None]


def check(path: Path) -> str:
    """Where the chain is broken, in a sentence; "" where it is whole. Raises OSError."""
    before = FIRST
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], 1):
        told = _told(line)
        if told is None:
            return f"Line {number} is no entry: it was cut off or written over."
        if told.get("before") != before:
            return f"The chain is broken at line {number}: it, or what stood before it, was changed or taken out."
        before = _hash(line)
    return ""


def _told(line: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and all(name in told for name in WANTED) else None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def _last_line(descriptor: int, step: int = 4096) -> bytes:
    """Read from the end: a trail of years is long."""
    end = os.fstat(descriptor).st_size
    start, tail = end, b""
    while start > 0 and b"\n" not in tail.rstrip(b"\n"):
        start = max(0, start - step)
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, end - start)
        step *= 2
    lines = tail.splitlines(keepends=True)
    return lines[-1] if lines else b""
