"""Document: its order, its answers, and what it tells its followers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from viewer.scene.document import Document, SingleLayerDocument
from viewer.scene.layer import Layer, VolumeLayer

Make = Callable[..., VolumeLayer]


@pytest.fixture
def told() -> list[tuple[Any, ...]]:
    return []


def followed(told: list[tuple[Any, ...]]) -> Document:
    document = Document()
    document.inserted.connect(lambda index, layer: told.append(("inserted", index, layer.name)))
    document.removed.connect(lambda index, layer: told.append(("removed", index, layer.name)))
    document.moved.connect(lambda before, after, layer: told.append(("moved", before, after, layer.name)))
    return document


def test_followers_hear_of_every_change_after_it_was_made(layer: Make, told: list[tuple[Any, ...]]) -> None:
    document = followed(told)
    ct, pet, mr = layer("CT"), layer("PET"), layer("MR")
    seen: list[list[str]] = []
    document.inserted.connect(lambda *_: seen.append([one.name for one in document]))
    document.insert(0, ct)
    document.insert(1, pet)
    document.insert(0, mr)
    assert seen == [["CT"], ["CT", "PET"], ["MR", "CT", "PET"]]
    assert document.move(pet.id, 0) == 2
    assert document.remove(ct.id) == (2, ct)
    assert [one.name for one in document] == ["PET", "MR"]
    assert told[-2:] == [("moved", 2, 0, "PET"), ("removed", 2, "CT")]


def test_a_layer_is_found_by_its_id(layer: Make) -> None:
    document, ct = Document(), layer("CT")
    document.insert(0, ct)
    assert document.find(ct.id) is ct
    assert document.index(ct.id) == 0
    assert document.find("gone") is None
    with pytest.raises(KeyError):
        document.index("gone")
    with pytest.raises(KeyError):
        document.remove("gone")


def test_the_lowest_visible_image_is_the_base(layer: Make) -> None:
    document = Document()
    assert document.base is None
    bottom, top = layer("CT"), layer("PET")
    for one in (Layer(name="no image"), bottom, top):
        document.insert(len(document), one)
    assert document.base is bottom
    assert document.shown == (bottom, top)
    bottom.visible = False
    assert document.base is top
    assert document.volume_layers == (bottom, top)


def test_it_may_change_while_it_is_walked_through(layer: Make) -> None:
    document = Document()
    for name in "abc":
        document.insert(len(document), layer(name))
    for one in document:
        document.remove(one.id)
    assert len(document) == 0


def test_a_showcase_shows_its_layer_though_it_is_hidden(layer: Make) -> None:
    hidden = layer("difference")
    hidden.visible = False
    assert SingleLayerDocument(hidden, Document()).base is hidden
