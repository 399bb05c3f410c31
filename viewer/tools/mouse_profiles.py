"""The habits of other programs: what buttons, modifiers and keys mean, one JSON file each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "resources" / "profiles"


@dataclass(frozen=True)
class Profile:
    """The habits of one program. slices, volume: "ctrl+wheel", "left", "shift+move" … -> a tool's id or "active".

    keys: action id -> key sequences, where they differ from the default. tool: the tool at the start.
    """

    title: str
    tool: str
    slices: dict[str, str]
    volume: dict[str, str]
    keys: dict[str, str]


@cache
def profiles() -> dict[str, Profile]:
    """Every profile by name, the default first."""
    paths = sorted(FOLDER.glob("*.json"), key=lambda path: (path.stem != "default", path.stem))
    return {path.stem: Profile(**json.loads(path.read_text(encoding="utf-8"))) for path in paths}
