"""Prompts: what a person shows of a structure, so that its mask is found from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from viewer.data.annotations.region import Point

PromptKind = Literal["point", "scribble", "box", "lasso"]
FEWEST = {"point": 1, "scribble": 1, "box": 4, "lasso": 3}
MOST = {"point": 1, "scribble": 10_000, "box": 4, "lasso": 10_000}  # places


@dataclass(frozen=True)
class Prompt:
    """Places are LPS mm in the space of the image that is segmented.

    kind: what the places are: one point; a line (scribble); the corner of a box and the ends of its three edges, the
    third of no length where it was drawn in a slice; the corners of a closed line in a plane (lasso).
    positive: a point or scribble lies in the structure, a box or lasso encloses it; else nothing of it is there.
    radius: mm to each side of a scribble, and of the plane of a lasso or flat box, that it speaks of.
    Raises ValueError, one sentence, for other places than these.
    """

    kind: PromptKind
    points: tuple[Point, ...]
    positive: bool = True
    radius: float = 0.0
    id: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        if self.kind not in FEWEST:
            raise ValueError(f"a prompt is a {', '.join(FEWEST)}, not {str(self.kind)[:40]!r}.")
        fewest, most, count = FEWEST[self.kind], MOST[self.kind], len(self.points)
        if not fewest <= count <= most:
            raise ValueError(f"a {self.kind} has {fewest} to {most} places, not {count}.")
        numbers = [number for point in self.points for number in point]
        if any(len(point) != 3 for point in self.points) or not all(map(math.isfinite, (*numbers, self.radius))):
            raise ValueError(f"the places of a {self.kind} are three numbers each, in mm.")
        if self.radius < 0:
            raise ValueError(f"the radius of a {self.kind} is {self.radius:g} mm: give 0 or more.")


@dataclass(frozen=True)
class Prompts:
    """The prompts of one structure, in the order in which they were given."""

    prompts: tuple[Prompt, ...] = ()
