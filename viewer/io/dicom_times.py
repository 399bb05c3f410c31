"""Which frames at the same place are which time point: by echo, b-value, phase, time … or by their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from viewer.io.dicom_header import Frame

COMPLETE = 0.9  # share of (time point, slice) cells that must be filled

# What may tell time points apart, the first that does is taken.
ATTRIBUTES: dict[str, Callable[[Frame], Any]] = {
    "temporal": lambda f: f.temporal,
    "echo": lambda f: f.echo,
    "echo_time": lambda f: f.echo_time,
    "b_value": lambda f: f.b_value,
    "gradient": lambda f: (f.b_value or 0.0, f.gradient or ()),
    "inversion_time": lambda f: f.inversion_time,
    "trigger": lambda f: f.trigger,
    "detector": lambda f: f.detector,
    "seconds": lambda f: f.seconds,
    "acquisition": lambda f: f.acquisition,
}
WORDS = {
    "echo": "echo {:g}",
    "echo_time": "TE {:g} ms",
    "b_value": "b = {:g}",
    "inversion_time": "TI {:g} ms",
    "trigger": "trigger {:g} ms",
    "acquisition": "acquisition {:g}",
}
SEPARATE = ("temporal", "echo", "b_value", "inversion_time", "acquisition")  # may tell apart what does not overlap


@dataclass
class Part:
    """One time point: the frame of each slice (indices into the frames given), and its words."""

    cells: dict[int, int]
    label: str = ""


def time_points(frames: Sequence[Frame], slices: Sequence[int]) -> tuple[list[list[Part]], int]:
    """The time points of each image that the frames make, and how many frames are duplicates and left out.

    slices: the slice each frame lies in. Mostly one image; several where parts with different slices only overlap.
    """
    if len(set(slices)) == len(frames):
        return [[Part({s: n for n, s in enumerate(slices)})]], 0
    columns = {name: [read(frame) for frame in frames] for name, read in ATTRIBUTES.items()}
    varying = {name: column for name, column in columns.items() if len(set(column)) > 1}
    places = len(set(slices))
    for size in (1, 2, 3):
        for names in combinations(varying, size):
            values = list(zip(*(varying[name] for name in names), strict=True))
            count = len(set(values))
            if count * places * COMPLETE <= len(frames) == len(set(zip(slices, values, strict=True))):
                return [_parts(frames, slices, names, values)], 0
    return _by_order(frames, slices, places) or _apart(frames, slices, varying) or _first_of_each(frames, slices)


def _parts(frames: Sequence[Frame], slices: Sequence[int], names: tuple[str, ...], values: list[Any]) -> list[Part]:
    """One part per distinct value, in rising order, named by the attributes."""
    cells: dict[Any, dict[int, int]] = {}
    for n, value in enumerate(values):
        cells.setdefault(value, {})[slices[n]] = n
    order = sorted(cells, key=lambda value: [(part is not None, part) for part in value])
    starts = _starts(frames, [cells[value] for value in order])
    labels = [
        ", ".join(_word(name, part, rank, starts) for name, part in zip(names, value, strict=True))
        for rank, value in enumerate(order)
    ]
    repeated = Counter(labels)
    seen: Counter[str] = Counter()
    parts = []
    for value, label in zip(order, labels, strict=True):
        seen[label] += 1
        parts.append(Part(cells[value], f"{label}, direction {seen[label]}" if repeated[label] > 1 else label))
    return parts


def _starts(frames: Sequence[Frame], cells: list[dict[int, int]]) -> list[float]:
    """Seconds from the first part's start to each; () where unknown or not rising."""
    starts: list[float] = []
    for part in cells:
        known = [second for n in part.values() if (second := frames[n].seconds) is not None]
        if not known or (starts and min(known) <= starts[-1]):
            return []
        starts.append(min(known))
    return [start - starts[0] for start in starts]


def _word(name: str, value: Any, rank: int, starts: list[float]) -> str:
    """What a time point is called: "echo 2", "b = 1000", "12.5 s"."""
    if name in WORDS and value is not None:
        return WORDS[name].format(value)
    if name == "gradient":
        return WORDS["b_value"].format(value[0])
    return f"{round(starts[rank], 2):g} s" if starts else f"frame {rank + 1}"


def _by_order(frames: Sequence[Frame], slices: Sequence[int], places: int) -> tuple[list[list[Part]], int] | None:
    """Time points by the order of the frames at each place, where all places have (nearly) as many."""
    stacks: dict[int, list[int]] = {}
    for n, s in enumerate(slices):
        stacks.setdefault(s, []).append(n)
    count = max(map(len, stacks.values()))
    if count * places * COMPLETE > len(frames):
        return None
    cells: list[dict[int, int]] = [{} for _ in range(count)]
    for s, stack in stacks.items():
        stack.sort(key=lambda n: _order(frames[n]))
        for rank, n in enumerate(stack):
            cells[rank][s] = n
    starts = _starts(frames, cells)
    triggers = [frames[next(iter(part.values()))].trigger for part in cells]
    name = "trigger" if None not in triggers and len(set(triggers)) == count else "seconds"
    return [[Part(part, _word(name, triggers[rank], rank, starts)) for rank, part in enumerate(cells)]], 0


def _order(frame: Frame) -> tuple[float, ...]:
    return frame.temporal or 0, frame.trigger or 0, frame.seconds or 0, frame.instance, frame.number


def _apart(
    frames: Sequence[Frame], slices: Sequence[int], varying: dict[str, list[Any]]
) -> tuple[list[list[Part]], int] | None:
    """Images by an attribute whose parts lie in different, overlapping places; parts in the same places are times."""
    for name in SEPARATE:
        values = [(value,) for value in varying.get(name, ())]
        if not values or len(set(zip(slices, values, strict=True))) < len(frames) or min(Counter(values).values()) < 2:
            continue
        images: dict[frozenset[int], list[Part]] = {}
        for part in _parts(frames, slices, (name,), values):
            images.setdefault(frozenset(part.cells), []).append(part)
        return list(images.values()), 0
    return None


def _first_of_each(frames: Sequence[Frame], slices: Sequence[int]) -> tuple[list[list[Part]], int]:
    """One frame per place, the lowest in order; the others are duplicates."""
    cells: dict[int, int] = {}
    for n in sorted(range(len(frames)), key=lambda n: _order(frames[n])):
        cells.setdefault(slices[n], n)
    return [[Part(cells)]], len(frames) - len(cells)
