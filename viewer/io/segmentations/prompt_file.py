"""Prompts in a file: {"space": "LPS", "unit": "mm", "prompts": [{"kind": "point", "points": [[x, y, z]]}, …]}.

Besides its kind and places a prompt may say "positive" (true by default) and "radius" (0).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from viewer.data.annotations.prompts import Prompt, Prompts
from viewer.io.archive import read_small
from viewer.io.errors import OpenError

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 16 << 20
MOST_PROMPTS = 10_000
LONGER = "It is larger than any list of prompts: check what it is."
FORM = 'Write it as {"space": "LPS", "unit": "mm", "prompts": [{"kind": "point", "points": [[x, y, z]]}]}.'
FIELDS = {"kind", "points", "positive", "radius"}


def read_prompts(path: Path) -> Prompts:
    """The prompts in a JSON file, LPS mm. Raises OpenError, one sentence."""
    try:
        document = json.loads(read_small(str(path), MOST_BYTES, LONGER))
    except (ValueError, RecursionError) as error:
        raise OpenError(f"It is no JSON. {FORM}") from error
    entries = document.get("prompts") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_PROMPTS:
        raise OpenError(f"It holds no list of prompts. {FORM}")
    if (document.get("space"), document.get("unit")) != ("LPS", "mm"):
        raise OpenError(f"It does not say that its places are LPS millimetres. {FORM}")
    return Prompts(tuple(_prompt(entry, number) for number, entry in enumerate(entries, 1)))


def _prompt(entry: Any, number: int) -> Prompt:
    if not isinstance(entry, dict) or not {"kind", "points"} <= set(entry) <= FIELDS:
        raise OpenError(f"Prompt {number} has other entries than {', '.join(sorted(FIELDS))}. {FORM}")
    positive, radius = entry.get("positive", True), entry.get("radius", 0.0)
    if not isinstance(positive, bool) or isinstance(radius, bool) or not isinstance(radius, int | float):
        raise OpenError(f"Prompt {number}: positive is true or false, and radius a number of mm.")
    try:
        points = tuple((float(x), float(y), float(z)) for x, y, z in entry["points"])
        return Prompt(entry["kind"], points, positive, float(radius))
    except (TypeError, OverflowError) as error:
        raise OpenError(f"Prompt {number}: its places are lists of three numbers, in mm. {FORM}") from error
    except ValueError as error:
        raise OpenError(f"Prompt {number}: {error}") from error
