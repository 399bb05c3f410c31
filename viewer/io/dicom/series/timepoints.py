"""Which frames at the same place are which time point: by echo, b-value, phase, time … or by their order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

from viewer.data.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from viewer.io.dicom.headers.header import Frame

COMPLETE = 0.9  # share of (time point, slice) cells that must be filled
HALF = 0.5  # the same where a scan was stopped
OVERLAPPING = Notice(
    "overlapping-stacks",
    "The series holds stacks that reach into each other at other places; each is an image of its own.",
)
BY_ORDER = Notice(
    "told-apart-by-number",
    "Slices at the same place differ in nothing that tells what they are: they are time points by their numbers.",
    "time points by number",
)

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
    "created": lambda f: f.created,
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
    """One time point: the frame of each slice (indices into the frames given), its words, and when it began.

    start: s since the first time point; None where that is not known.
    """

    cells: dict[int, int]
    label: str = ""
    start: float | None = None


def time_points(frames: Sequence[Frame], slices: Sequence[int]) -> list[tuple[list[Part], tuple[Notice, ...]]]:
    """The time points of each image that the frames make, each with what must be said of it. No frame is left out.

    slices: the slice each frame lies in. Mostly one image; several where parts with different slices only overlap.
    """
    if len(set(slices)) == len(frames):
        return [([Part({s: n for n, s in enumerate(slices)})], ())]
    columns = {name: [read(frame) for frame in frames] for name, read in ATTRIBUTES.items()}
    varying = {name: column for name, column in columns.items() if len(set(column)) > 1}
    places = len(set(slices))
    for names, values in _distinguishing_attributes(slices, varying):
        if len(set(values)) * places * COMPLETE <= len(frames):
            return [(_parts(frames, slices, names, values), _number_notices(places, varying))]
    if whole := _by_order(frames, slices, places):
        return [(whole, _number_notices(places, varying))]
    if parts := _split_apart(frames, slices, varying):
        images = _images(parts)
        contained = any(one < other for one, other in permutations(images, 2))
        return _split_incomplete(parts, places) if contained else [(image, (OVERLAPPING,)) for image in images.values()]
    for names, values in _distinguishing_attributes(slices, varying):
        if len(set(values)) * places * HALF < len(frames):
            return _split_incomplete(_parts(frames, slices, names, values), places)
    return _split_incomplete(_by_rank(frames, slices), places, BY_ORDER)


def _distinguishing_attributes(
    slices: Sequence[int], varying: dict[str, list[Any]]
) -> Iterator[tuple[tuple[str, ...], list[tuple[Any, ...]]]]:
    """The attributes, up to three together, that tell all frames of each slice apart, and their values."""
    for size in (1, 2, 3):
        for names in combinations(varying, size):
            values = list(zip(*(varying[name] for name in names), strict=True))
            if len(set(zip(slices, values, strict=True))) == len(slices):
                yield names, values


def _split_incomplete(parts: list[Part], places: int, *notices: Notice) -> list[tuple[list[Part], tuple[Notice, ...]]]:
    """The whole time points as one image; those that lack slices by the slices they have, as images of their own."""
    images: dict[frozenset[int], list[Part]] = {}
    for part in parts:
        whole = len(part.cells) >= COMPLETE * places
        images.setdefault(frozenset() if whole else frozenset(part.cells), []).append(part)
    if len(images) == 1:
        return [(image, notices) for image in images.values()]
    short = [part for slices, some in images.items() if slices for part in some]
    words = "A time point has" if len(short) == 1 else f"{len(short)} time points have"
    found = ", ".join(str(len(part.cells)) for part in short[:3]) + (" …" if len(short) > 3 else "")
    sentence = f"{words} not all of the {places} slices ({found}): what is there is an image of its own."
    said = Notice("partial-time-points", sentence)
    partial = said._replace(badge="partial time point")
    return [(image, (*notices, partial if slices else said)) for slices, image in images.items()]


def _number_notices(places: int, varying: dict[str, list[Any]]) -> tuple[Notice, ...]:
    """What must be said where frames that differ in nothing are told apart by their numbers."""
    if any(name != "created" for name in varying):
        return ()
    if places > 1:
        return (BY_ORDER,)
    sentence = "All images have the same position and time; they are shown one after the other, by their numbers."
    return (Notice("one-place", sentence, "one place"),)


def _parts(frames: Sequence[Frame], slices: Sequence[int], names: tuple[str, ...], values: list[Any]) -> list[Part]:
    """One part per distinct value, in rising order, named by the attributes."""
    cells: dict[Any, dict[int, int]] = {}
    for n, value in enumerate(values):
        cells.setdefault(value, {})[slices[n]] = n
    order = sorted(cells, key=lambda value: [(part is not None, part) for part in value])
    starts = _starts(frames, [cells[value] for value in order])
    labels = [
        ", ".join(_label(name, part, rank, starts) for name, part in zip(names, value, strict=True))
        for rank, value in enumerate(order)
    ]
    repeated = Counter(labels)
    seen: Counter[str] = Counter()
    parts: list[Part] = []
    for value, label in zip(order, labels, strict=True):
        seen[label] += 1
        word = f"{label}, direction {seen[label]}" if repeated[label] > 1 else label
        parts.append(Part(cells[value], word, starts[len(parts)] if starts else None))
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


def word_of(name: str, value: Any) -> str:
    """What an attribute calls a frame: "echo 2", "b = 1000"; "" where it has no word."""
    if name == "gradient":
        return WORDS["b_value"].format(value[0])
    return WORDS[name].format(value) if name in WORDS and value is not None else ""


def _label(name: str, value: Any, rank: int, starts: list[float]) -> str:
    """What a time point is called: "echo 2", "b = 1000", "12.5 s"."""
    if word := word_of(name, value):
        return word
    return f"{round(starts[rank], 2):g} s" if starts else f"frame {rank + 1}"


def _by_order(frames: Sequence[Frame], slices: Sequence[int], places: int) -> list[Part] | None:
    """Time points by the order of the frames at each place, where all places have (nearly) as many."""
    parts = _by_rank(frames, slices)
    return parts if len(parts) * places * COMPLETE <= len(frames) else None


def _by_rank(frames: Sequence[Frame], slices: Sequence[int]) -> list[Part]:
    """The frames that come first at their place as one part, those that come second as the next, and so on."""
    stacks: dict[int, list[int]] = {}
    for n, s in enumerate(slices):
        stacks.setdefault(s, []).append(n)
    cells: list[dict[int, int]] = [{} for _ in range(max(map(len, stacks.values())))]
    for s, stack in stacks.items():
        for rank, n in enumerate(sorted(stack, key=lambda n: _order(frames[n]))):
            cells[rank][s] = n
    starts = _starts(frames, cells)
    triggers = [frames[next(iter(part.values()))].trigger for part in cells]
    name = "trigger" if None not in triggers and len(set(triggers)) == len(cells) else "seconds"
    return [
        Part(part, _label(name, triggers[rank], rank, starts), starts[rank] if starts else None)
        for rank, part in enumerate(cells)
    ]


def _order(frame: Frame) -> tuple[float, ...]:
    return frame.temporal or 0, frame.trigger or 0, frame.seconds or 0, frame.created or 0, frame.instance, frame.number


def _split_apart(frames: Sequence[Frame], slices: Sequence[int], varying: dict[str, list[Any]]) -> list[Part]:
    """Parts by an attribute that tells apart what does not lie in the same slices."""
    for name in SEPARATE:
        values = [(value,) for value in varying.get(name, ())]
        if values and len(set(zip(slices, values, strict=True))) == len(frames) and min(Counter(values).values()) > 1:
            return _parts(frames, slices, (name,), values)
    return []


def _images(parts: list[Part]) -> dict[frozenset[int], list[Part]]:
    """Parts in the same slices are time points of one image."""
    images: dict[frozenset[int], list[Part]] = {}
    for part in parts:
        images.setdefault(frozenset(part.cells), []).append(part)
    return images
