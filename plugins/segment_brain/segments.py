"""The segments of a result, and how some of them take the place of earlier ones in a copy of these."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from viewer.api import Grid, Refusal, Segment, Segmentation, replace

from .labels import BRAIN_NAME, Side, Structure, numbers

BRAIN, BRAIN_COLOR = 1, (230, 159, 0)
Key = tuple[int, int]  # label map, label
Labels = NDArray[np.unsignedinteger]


def segments() -> tuple[Segment, ...]:
    """The structures by FreeSurfer's numbers, and BRAIN in a label map of its own."""
    structures = tuple(structure_segment(structure, side) for _, structure, side in numbers())
    code = ("SCT", "12738006", "Brain")
    return (*structures, Segment(BRAIN, BRAIN_NAME.capitalize(), BRAIN_COLOR, code, 1, "AUTOMATIC"))


def structure_segment(structure: Structure, side: Side) -> Segment:
    """A structure on a side ("" for what has none), as the network's answer names it."""
    return Segment(
        structure.right if side == "right" else structure.left,
        f"{side} {structure.name}".strip().capitalize(),
        structure.color,
        ("SCT", structure.code, structure.name.capitalize()) if structure.code else None,
        algorithm="AUTOMATIC",
        side=side,
    )


def structure_name(segment: Segment) -> str:
    """What a segment is one side of, or the whole."""
    return segment.name.casefold().removeprefix(f"{segment.side} ")


def find_segment(among: Iterable[Segment], wanted: Segment) -> Segment | None:
    """The segment that stands for the same structure on the same side, None where there is none.

    By its name, else by its code. A label image without names tells FreeSurfer's numbers: "label 17".
    """
    among = tuple(among)
    names = wanted.name.casefold(), "" if wanted.layer else f"label {wanted.label}"
    by_name = (one for one in among if one.name.casefold() in names)
    meant = wanted.code and wanted.code[:2], wanted.side
    by_code = (one for one in among if wanted.code and (one.code and one.code[:2], one.side) == meant)
    return next(by_name, None) or next(by_code, None)


def check_earlier(earlier: Segmentation | None, grid: Grid) -> None:
    """Raises Refusal where it lies on another grid than the image's."""
    if earlier is not None and not earlier.grid.matches(grid):
        raise Refusal("the earlier segmentation lies on another grid than the image: choose one that was made on it.")


def update(earlier: Segmentation | None, found: Segmentation, chosen: Collection[str]) -> Segmentation:
    """A copy of an earlier segmentation in which the chosen structures are those that were found.

    Every other segment keeps every voxel: what was found on one of its voxels is left out, where both lie in one label
    map. Without an earlier one, the chosen structures alone. Raises Refusal where it lies on another grid.
    """
    check_earlier(earlier, found.grid)
    base = earlier or Segmentation(np.zeros(found.grid.shape, np.uint8), found.grid, ())
    made, placed, gone = list(base.segments), {}, set()
    for one in (one for one in found.segments if structure_name(one) in chosen):
        old = find_segment((kept for kept in base.segments if kept.key not in gone), one)
        if old is None:
            placed[one.key] = _at_free_place(one, made)
            made.append(placed[one.key])
        else:
            gone.add(old.key)
            placed[one.key] = replace(one, label=old.label, layer=old.layer, name=old.name, color=old.color)
            made[made.index(old)] = placed[one.key]
    wide = base.with_segments(made)
    maps = [_written(layer, array, gone, placed, found) for layer, array in enumerate(wide.maps)]
    badges = (*base.badges, *(one for one in found.badges if one not in base.badges))
    return Segmentation(
        maps[0], found.grid, tuple(made), source=found.source, badges=badges, overlapping=tuple(maps[1:])
    )


def _at_free_place(one: Segment, made: list[Segment]) -> Segment:
    """With a label that is free: its own in the first label map; what overlaps the others, in a map of its own."""
    layer = 1 + max(other.layer for other in made) if one.layer and made else 0
    taken = {other.label for other in made if other.layer == layer}
    return replace(one, layer=layer, label=one.label if one.label not in taken else 1 + max(taken))


def _written(layer: int, array: Labels, gone: set[Key], placed: dict[Key, Segment], found: Segmentation) -> Labels:
    """A copy of a label map without the segments that are gone, with those that take their place."""
    table = np.arange(1 + int(array.max()), dtype=array.dtype)
    table[[label for at, label in gone if at == layer and label < len(table)]] = 0
    written = table[array]
    for source, labels in enumerate(found.maps):
        targets = {key[1]: one.label for key, one in placed.items() if key[0] == source and one.layer == layer}
        table = np.zeros(1 + int(labels.max()), array.dtype)
        for label, target in targets.items():
            table[label : label + 1] = target
        fresh = table[labels]
        np.copyto(written, fresh, where=(fresh > 0) & (written == 0))
    return written
