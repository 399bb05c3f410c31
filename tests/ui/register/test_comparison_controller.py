"""Keys and menus while two images are compared and aligned."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer, ChangeLandmark
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import volume_layer

GRID = Grid.of((20, 30, 30), (2.0, 1.5, 1.5))


@pytest.fixture
def pair(session, window):
    """Two images, the upper one active."""
    layers = []
    for seed, name in enumerate(("fixed", "moving")):
        array = np.random.default_rng(seed).integers(0, 100, GRID.shape).astype(np.int16)
        layers.append(volume_layer((Volume(array, GRID, name),)))
        session.history.do(AddLayer(layers[-1]))
    session.layers.centre(layers[0])
    session.state.active = layers[1].id
    return layers


def act(window, name):
    window.actions_.refresh_now()
    made = window.actions_[name]
    assert made.isEnabled(), name
    made.trigger()


def test_each_style_is_turned_on_and_off_by_its_action(window, session, pair):
    for style in ("blend", "colour", "checkerboard", "wipe", "contours", "difference"):
        act(window, f"compare_{style}")
        now = session.state.comparison
        assert (now.style, now.fixed, now.moving) == (style, pair[0].id, pair[1].id)
    act(window, "compare_difference")
    assert session.state.comparison is None


def test_the_two_take_turns_and_both_are_back_at_the_end(window, session, pair, qtbot):
    act(window, "compare_flicker")
    seen = set()
    for _ in range(3):
        window.comparison.take_turns()
        seen.add(session.state.comparison.alone)
    assert seen == {"fixed", "moving"}
    qtbot.waitUntil(lambda: session.state.comparison.alone == "fixed")
    act(window, "compare_flicker")
    assert (session.state.comparison.flicker, session.state.comparison.alone) == (False, "")


def test_a_key_shows_one_image_until_it_is_let_go(window, session, pair, qtbot):
    window.comparison.hold("moving")
    assert session.state.comparison.alone == "moving"
    qtbot.keyRelease(window.views, Qt.Key.Key_Y)
    assert session.state.comparison is None
    act(window, "compare_wipe")
    window.comparison.hold("fixed")
    assert session.state.comparison.alone == "fixed"
    qtbot.keyRelease(window.views, Qt.Key.Key_U)
    assert (session.state.comparison.alone, session.state.comparison.style) == ("", "wipe")


def test_keys_nudge_the_moving_image_in_the_active_slice(window, session, pair):
    window.actions_.refresh_now()
    assert not window.actions_["nudge_left"].isEnabled()  # only while the tool for it is chosen
    session.state.tool, session.state.view = "align", "axial"
    before = len(session.history.undo_labels)
    for name in ("nudge_left", "nudge_left", "nudge_down", "nudge_on"):
        act(window, name)
    assert pair[1].transform((0.0, 0.0, 0.0)) == pytest.approx([1.0, -0.5, -0.5])  # it went right, back and to the head
    assert len(session.history.undo_labels) == before + 1
    act(window, "nudge_clockwise")
    assert pair[1].transform.matrix[1, 0] == pytest.approx(-np.sin(np.deg2rad(0.5)))
    session.history.undo()
    assert pair[1].transform is None


def test_landmarks_are_walked_through_and_removed(window, session, pair):
    of = (pair[0].id, pair[1].id)
    for n in range(2):
        place = (5.0 + n, 6.0, 7.0)
        session.history.do(ChangeLandmark(None, LandmarkPair(of, f"L{n + 1}", place, place), n))
    act(window, "next_landmark")
    first = session.state.landmark
    assert session.state.crosshair == (5.0, 6.0, 7.0)
    act(window, "next_landmark")
    assert session.state.crosshair == (6.0, 6.0, 7.0)
    act(window, "next_landmark")
    assert session.state.landmark == first
    act(window, "remove_landmark")
    assert [one.name for one in session.document.landmarks] == ["L2"]
    window.actions_.refresh_now()
    assert not window.actions_["remove_landmark"].isEnabled()
