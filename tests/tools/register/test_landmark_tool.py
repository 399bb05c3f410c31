"""Setting pairs of landmarks with the mouse, and correcting them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.data.transform import Transform
from viewer.render.slices.slice_view import SliceView
from viewer.scene.compare.comparison import Comparison
from viewer.scene.document import SingleLayerDocument
from viewer.scene.layer import volume_layer
from viewer.tools.register.align import shift


@pytest.fixture
def moving(document, state, layer):
    moving = volume_layer((layer.volumes[0],))
    moving.transform = Transform(shift(np.array([2.0, -3.0, 0.5])))
    document.insert(1, moving)
    state.comparison, state.tool = Comparison(layer.id, moving.id), "landmark"
    return moving


def test_a_click_sets_a_pair_that_fits_the_transform(document, state, view, layer, moving, drag, history):
    drag(0, 0, at=(180, 140))
    (one,) = document.landmarks
    assert one.fixed == pytest.approx(view.world_at(180, 140))
    assert one.moving == pytest.approx(np.add(one.fixed, (2, -3, 0.5)))
    assert (one.of, one.name, state.landmark) == ((layer.id, moving.id), "L1", one.id)
    assert one.residual(moving.transform) == pytest.approx(0)
    history.undo()
    assert len(document.landmarks) == 0


def test_the_moving_end_is_dragged_to_where_it_belongs_in_one_step(document, view, moving, drag, history):
    drag(0, 0, at=(180, 140))
    drag(30, 10, at=(182, 141))
    (one,) = document.landmarks
    assert one.fixed == pytest.approx(view.world_at(180, 140))
    assert moving.world_place(one.moving) == pytest.approx(view.world_at(212, 151))
    assert one.residual(moving.transform) == pytest.approx(np.hypot(32, 11) * view.pose.scale)
    assert history.undo_labels == ("Move landmark L1", "Add landmark L1")
    drag(-20, 0, at=(180, 140))  # now the fixed end alone is there
    (one,) = document.landmarks
    assert one.fixed == pytest.approx(view.world_at(160, 140))
    history.undo()
    history.undo()
    assert next(iter(document.landmarks)).residual(moving.transform) == pytest.approx(0)


def test_side_by_side_a_click_in_each_image_sets_the_pair(
    document, state, layer, moving, mouse, qtbot, history, emit_click
):
    state.comparison, state.layout, state.compared = None, "compare", (layer.id, moving.id)
    views = []
    for one in (layer, moving):
        view = SliceView(SingleLayerDocument(one, document), state, "axial")
        view.resize(400, 300)
        qtbot.addWidget(view)
        mouse.follow(view)
        views.append(view)
    emit_click(views[0], 180, 140)
    state.active = moving.id
    emit_click(views[1], 230, 170)
    (one,) = document.landmarks
    assert one.of == (layer.id, moving.id)
    assert one.fixed == pytest.approx(views[0].world_at(180, 140))
    assert moving.world_place(one.moving) == pytest.approx(views[1].world_at(230, 170))
    assert [len(view.overlay().marks) for view in views] == [1, 1]
    emit_click(views[0], 100, 100)
    assert [pair.name for pair in document.landmarks] == ["L1", "L2"]
    assert len(history.undo_labels) == 3


def test_a_pair_is_drawn_with_its_residual_where_its_ends_are(document, state, view, layer, moving, drag):
    drag(0, 0, at=(180, 140))
    (mark,) = view.overlay().marks
    assert mark.fixed == pytest.approx((180, 140))
    assert mark.moving == pytest.approx((180, 140))
    assert (mark.has, mark.text.text, mark.chosen) == ((True, True), "L1", True)
    moving.transform = Transform(shift(np.array([2.0, 1.0, 0.5])))
    (mark,) = view.overlay().marks
    assert mark.text.text == "L1  4.0 mm"
    assert mark.moving[1] == pytest.approx(140 - 4 / view.pose.scale)
    state.landmark = ""
    assert not view.overlay().marks[0].chosen
    view.scroll(4)
    assert view.overlay().marks == ()
    state.comparison = replace(state.comparison, fixed="gone")
    state.active = ""
    assert view.overlay().marks == ()


def test_without_two_images_nothing_is_set(document, moving, drag):
    document.remove(moving.id)
    drag(0, 0)
    assert len(document.landmarks) == 0
