"""The verbs of layers, without a panel."""

from __future__ import annotations

import pytest

from viewer.ui.layers.controller import LayersController


@pytest.fixture
def layers(session, add_image) -> LayersController:
    add_image("lower")
    add_image("upper", modality="MR")
    return LayersController(session)


def test_a_layer_moves_within_the_stack_and_not_beyond(layers, session):
    upper = layers.layer
    layers.move(-1)
    assert next(iter(session.document)) is upper
    layers.move(-1)
    assert len(session.history.undo_labels) == 3  # two images and one move


def test_the_next_layer_becomes_the_active_one_round_and_round(layers):
    names = []
    for _ in range(2):
        layers.next(1)
        names.append(layers.layer.name)
    assert names == ["lower", "upper"]


def test_what_is_removed_leaves_the_lowest_image_meant(layers):
    layers.remove()
    assert layers.layer.name == layers.image.name == "lower"
    assert not layers.is_result()


def test_the_window_follows_presets_the_file_and_steps(layers):
    layers.next(1)
    layers.use_preset(1)
    assert layers.image.window.center == -600
    layers.use_stored_window()
    layers.scale_width(2.0)
    layers.shift_center(0.25)
    assert (layers.image.window.center, layers.image.window.width) == (240, 800)
    assert layers.preset(99) is None


def test_without_a_layer_nothing_is_done(session):
    layers = LayersController(session)
    for verb in (layers.remove, layers.flip_visible, layers.use_stored_window, layers.open_other_placement):
        verb()
    layers.next(1)
    layers.move(1)
    assert layers.layer is layers.image is layers.other_placement is None
