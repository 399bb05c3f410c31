"""A result finds its input and its difference, and what is drawn of them follows from how they are inspected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.compute.images.difference import difference
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.volume import Volume
from viewer.scene.compare.inspection import Inspection, difference_of, input_of, inspection_pair
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer, difference_layer, volume_layer

GRID = Grid.of((3, 4, 5))
MADE = Provenance("denoise", "1", "1", started="2026-01-01T10:00:00+00:00", seconds=1.25)


def volume(value: int, name: str, **facts: object) -> Volume:
    return replace(Volume(np.full(GRID.shape, value, np.int16), GRID, name, "HU"), **facts)  # type: ignore[arg-type]


@pytest.fixture
def document() -> Document:
    """Input, two results of it (of two runs), and a difference of each."""
    document = Document()
    given = volume_layer((volume(0, "CT"), volume(1, "CT")))
    document.insert(0, given)
    for n in (1, 2):
        made = volume(10 * n, "CT – Denoise", provenance=replace(MADE, seconds=MADE.seconds + n))
        result, gap = volume_layer((made,), review="unreviewed"), difference_layer(difference(made, given.volumes[1]))
        for layer in (result, gap):
            layer.made_from, layer.made_at = given.id, 1
            document.insert(len(document), layer)
    return document


def layers(document: Document) -> tuple[VolumeLayer, ...]:
    return document.volume_layers


def test_a_result_finds_its_input_and_the_difference_of_its_own_run(document: Document) -> None:
    given, first, first_gap, second, second_gap = layers(document)
    assert input_of(document, first) is given
    assert difference_of(document, first) is first_gap
    assert difference_of(document, second) is second_gap
    first.name = "another name"
    assert difference_of(document, first) is first_gap
    for none in (given, first_gap, None):
        assert input_of(document, none) is None
    document.remove(given.id)
    assert input_of(document, first) is None


@pytest.mark.parametrize(
    "changes",
    [{"unit": "1"}, {"grid": Grid.of(GRID.shape, (2, 1, 1))}, {"array": np.zeros((*GRID.shape, 3), np.uint8)}],
)
def test_what_cannot_be_compared_has_no_input(document: Document, changes: dict[str, object]) -> None:
    result = layers(document)[1]
    result.volumes = (replace(result.volumes[0], **changes),)  # type: ignore[arg-type]
    assert input_of(document, result) is None


def test_what_is_drawn(document: Document) -> None:
    given, result, gap, *_ = layers(document)
    how = Inspection(result.id, blend=0.4)

    def shown(**changes: object) -> tuple[VolumeLayer, ...]:
        seen = inspection_pair(document, replace(how, **changes), result.id)  # type: ignore[arg-type]
        assert seen is not None
        return seen.shown

    assert shown() == shown(mode="wipe") == (given, result)
    assert shown(blend=0.0) == shown(mode="wipe", flipped=True) == shown(mode="difference", flipped=True) == (given,)
    assert shown(mode="difference") == (gap,)
    document.remove(gap.id)
    assert shown(mode="difference") == (given, result)
    seen = inspection_pair(document, replace(how, mode="difference"), result.id)
    assert seen is not None
    assert (seen.how.mode, seen.share) == ("blend", 1.0)  # never called a difference


def test_only_the_active_result_is_inspected(document: Document) -> None:
    given, first, _, second, _ = layers(document)
    assert inspection_pair(document, None, first.id) is None
    assert inspection_pair(document, Inspection(first.id), second.id) is None
    assert inspection_pair(document, Inspection(given.id), given.id) is None
