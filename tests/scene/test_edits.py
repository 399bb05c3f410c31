"""Edits: each one, done and undone, leaves the document as it was; done again, as it became."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewer.scene.document import Document
from viewer.scene.edits import AddLayer, CompositeEdit, Edit, MoveLayer, RemoveLayer, RenameLayer, ReviewLayer
from viewer.scene.layer import Layer, VolumeLayer

Make = Callable[..., VolumeLayer]


def state(document: Document) -> list[Any]:
    return [(one.id, one.name, one.review) for one in document]


def document_of(count: int) -> Document:
    document = Document()
    for n in range(count):
        document.insert(n, Layer(name=f"layer {n}"))
    return document


@st.composite
def edits(draw: Any, document: Document) -> Edit:
    """Any edit that makes sense on a document of at least one layer."""
    layers = list(document)
    at = draw(st.integers(0, len(layers) - 1))
    layer = layers[at]
    return draw(
        st.sampled_from(
            [
                AddLayer(Layer(name="new")),
                AddLayer(Layer(name="new"), draw(st.integers(0, len(layers)))),
                RemoveLayer(layer, at),
                MoveLayer(layer, at, draw(st.integers(0, len(layers) - 1))),
                RenameLayer(layer, layer.name, draw(st.text(min_size=1))),
                ReviewLayer(layer, layer.review, draw(st.sampled_from(["unreviewed", "accepted", "rejected"]))),
                CompositeEdit("both", (AddLayer(Layer(name="result"), 0), RenameLayer(layer, layer.name, "input"))),
            ]
        )
    )


@given(st.data(), st.integers(1, 5))
def test_done_and_undone_is_as_before(data: st.DataObject, count: int) -> None:
    document = document_of(count)
    before = state(document)
    edit = data.draw(edits(document))
    assert edit.label
    edit.do(document)
    after = state(document)
    edit.undo(document)
    assert state(document) == before
    edit.do(document)
    assert state(document) == after


@given(st.data())
def test_a_merged_edit_does_what_both_did(data: st.DataObject) -> None:
    document = document_of(2)
    before, layer = state(document), next(iter(document))
    first = RenameLayer(layer, layer.name, data.draw(st.text()))
    first.do(document)
    second = data.draw(edits(document))
    second.do(document)
    after, merged = state(document), first.merge(second)
    if merged is not None:
        merged.undo(document)
        assert state(document) == before
        merged.do(document)
        assert state(document) == after
    assert (merged is not None) == (isinstance(second, RenameLayer) and second.layer is layer)


def test_only_names_of_one_layer_merge() -> None:
    one, other = document_of(2)
    rename = RenameLayer(one, "a", "b")
    assert rename.merge(RenameLayer(other, "c", "d")) is None
    assert AddLayer(one).merge(rename) is None
    assert ReviewLayer(one, "unreviewed", "accepted").merge(ReviewLayer(one, "accepted", "rejected")) is None


def test_the_parts_of_one_step_are_undone_last_first() -> None:
    document, new = document_of(1), Layer(name="result")
    step = CompositeEdit("Denoise", (AddLayer(new), RenameLayer(new, "result", "denoised"), MoveLayer(new, 1, 0)))
    step.do(document)
    assert [one.name for one in document] == ["denoised", "layer 0"]
    step.undo(document)
    assert [one.name for one in document] == ["layer 0"]
    assert new.name == "result"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 500))
def test_an_edit_weighs_what_it_keeps_alive(layer: Make, size: int) -> None:
    image = layer(size=size)
    assert AddLayer(image).size == RemoveLayer(image, 0).size == size
    assert RenameLayer(image, "a", "b").size == 0
    assert CompositeEdit("both", (AddLayer(image), AddLayer(layer(size=7)))).size == size + 7


@pytest.mark.parametrize(
    ("edit", "label"),
    [
        (lambda one: AddLayer(one), "Add CT"),
        (lambda one: RemoveLayer(one, 0), "Remove CT"),
        (lambda one: MoveLayer(one, 0, 2), "Move CT up"),
        (lambda one: MoveLayer(one, 2, 0), "Move CT down"),
        (lambda one: RenameLayer(one, "CT", "CT chest"), "Rename CT"),
        (lambda one: ReviewLayer(one, "unreviewed", "accepted"), "Accept CT"),
        (lambda one: ReviewLayer(one, "unreviewed", "rejected"), "Reject CT"),
        (lambda one: ReviewLayer(one, "accepted", "unreviewed"), "Reopen CT"),
    ],
)
def test_the_menu_says_what_would_be_undone(layer: Make, edit: Callable[[Layer], Edit], label: str) -> None:
    assert edit(layer("CT")).label == label
