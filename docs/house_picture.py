"""The picture of the house for docs/architecture.md: `python docs/house_picture.py` draws the rooms that are there.

Floors come from the import contract in pyproject.toml, rooms and their files from the tree.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[1]
WIDTH, LEFT, LINE, GAP = 1180, 14, 20, 10  # px
ABOUT = {
    "app": "the window and the session, put together",
    "ui": "PySide6: one family a room, all alike",
    "cli": "one headless command a file",
    "tools": "what the mouse does",
    "session": "the verbs, without a window",
    "api": "what a plugin sees",
    "effects": "effects on segments, each one edit",
    "render": "VTK: artists, slice and volume views",
    "plugin": "what a plugin is",
    "io": "files, in and out; the reader processes",
    "scene": "document, layers, edits, history",
    "compute": "engine, networks, registration, labels",
    "data": "frozen values",
    "processes": "what two processes need to talk",
    "files": "locks, limits, writing that cannot tear",
    "settings": "folders and preferences",
}


def floors() -> list[list[str]]:
    """The rooms of each floor, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(one["layers"] for one in contracts if one.get("containers") == ["viewer"])
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def rooms(name: str) -> list[str]:
    """A line for each room in a room: its path within it, and how many files it has."""
    folder = ROOT / "viewer" / name
    counts = {
        path.relative_to(folder).as_posix(): sum(one.name != "__init__.py" for one in path.glob("*.py"))
        for path in sorted(folder.rglob("*"))
        if path.is_dir() and (path / "__init__.py").exists()
    }
    return [f"{path}/  {count}" if count else f"{path}/" for path, count in counts.items()]


def box(name: str, at: tuple[float, float], size: tuple[float, float]) -> Iterator[str]:
    """One room of a floor with the rooms in it, in as many columns as there is width for."""
    (x, y), (width, height) = at, size
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="#22262c" stroke="#4a525c"/>'
    yield f'<text x="{x + 10}" y="{y + 20}" fill="#e8eaed" font-weight="bold">{name}</text>'
    yield f'<text x="{x + 10}" y="{y + 38}" fill="#9aa3ad" font-size="12">{escape(ABOUT[name])}</text>'
    inner = rooms(name)
    columns = columns_of(width)
    for n, line in enumerate(inner):
        left = x + 10 + n % columns * (width - 10) / columns
        down = y + 58 + n // columns * LINE
        yield f'<text x="{left:.0f}" y="{down}" fill="#7cc4c9" font-size="12">{escape(line)}</text>'


def columns_of(width: float) -> int:
    return max(1, int(width // 150))


def picture() -> str:
    """The SVG."""
    parts, y = [], LEFT
    for floor in floors():
        width = (WIDTH - LEFT * 2 - GAP * (len(floor) - 1)) / len(floor)
        height = 48 + LINE * max(-(-len(rooms(name)) // columns_of(width)) for name in floor)
        for n, name in enumerate(floor):
            parts += box(name, (LEFT + n * (width + GAP), y), (width, height))
        y += height + GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" '
        f'font-size="14">\n'
        f'<rect width="{WIDTH}" height="{y}" fill="#16181c"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures" / "house.svg"
    target.write_text(picture(), encoding="utf-8")
