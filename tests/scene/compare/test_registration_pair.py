"""Which two images the tools for registration mean."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.compare.comparison import Comparison
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer
from viewer.scene.registration_pair import pair
from viewer.scene.view_state import ViewState


@pytest.fixture
def three():
    document = Document()
    for name in ("CT", "MR", "PET"):
        volume = Volume(np.zeros((2, 3, 4)), Grid.of((2, 3, 4)))
        document.insert(len(document), VolumeLayer(name=name, volumes=(volume,)))
    return document, *document.volume_layers


def test_those_of_the_comparison_whatever_is_active(three):
    document, ct, mr, pet = three
    assert pair(document, ViewState(comparison=Comparison(pet.id, mr.id), active=ct.id)) == (pet, mr)


def test_those_side_by_side_in_the_order_they_are_named(three):
    document, ct, mr, pet = three
    state = ViewState(compared=(pet.id, mr.id), layout="compare", active=pet.id)
    assert pair(document, state) == (pet, mr)
    state.layout = "2x2"
    assert pair(document, state) == (ct, pet)
    state.layout, state.compared = "compare", (ct.id, mr.id, pet.id)
    assert pair(document, state) == (ct, pet)


def test_the_active_image_on_the_lowest_visible_other(three):
    document, ct, mr, pet = three
    assert pair(document, ViewState(active=pet.id)) == (ct, pet)
    assert pair(document, ViewState(active=ct.id)) == (mr, ct)
    ct.visible = mr.visible = False
    assert pair(document, ViewState(active=pet.id)) is None
    assert pair(document, ViewState()) is None
