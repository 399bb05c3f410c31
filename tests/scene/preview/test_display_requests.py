"""Which images on their way are shown once they are there."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.preview.display_requests import DisplayRequests

GRID = Grid.of((3, 4, 5))


@pytest.fixture
def document() -> Document:
    """Two images, the upper one hidden."""
    document = Document()
    for name in ("shown", "hidden"):
        document.insert(len(document), volume_layer((Volume(np.zeros(GRID.shape, np.int16), GRID, name),)))
    layers(document)[1].visible = False
    return document


def layers(document: Document) -> tuple[VolumeLayer, ...]:
    return document.volume_layers


def test_the_last_one_that_was_asked_for_is_shown_and_what_goes_over_it(document: Document) -> None:
    requests = DisplayRequests(document)
    requests.add("first", overlay=False)
    requests.add("second", overlay=False)
    requests.add("over the second", overlay=True)
    assert requests.take("first") is None
    assert requests.take("second") is False
    assert requests.take("over the second") is True


def test_one_that_is_asked_for_once_more_is_the_last(document: Document) -> None:
    requests = DisplayRequests(document)
    for name in ("first", "second", "first"):
        requests.add(name, overlay=False)
    assert requests.take("second") is None
    assert requests.take("first") is False


def test_one_that_was_hidden_and_is_seen_now_stays(document: Document) -> None:
    requests = DisplayRequests(document)
    requests.add("late", overlay=False)
    layers(document)[1].visible = True
    assert requests.take("late") is None


def test_what_came_meanwhile_by_itself_hides_nothing(document: Document) -> None:
    requests = DisplayRequests(document)
    requests.add("late", overlay=False)
    document.insert(2, volume_layer((Volume(np.zeros(GRID.shape, np.int16), GRID, "the result of a job"),)))
    assert requests.take("late") is False


def test_an_empty_screen_is_filled(document: Document) -> None:
    requests = DisplayRequests(document)
    requests.add("late", overlay=False)
    requests.add("cannot be read", overlay=False)
    for layer in layers(document):
        layer.visible = False
    assert requests.take("late") is False
