"""The verbs of the views: which are shown, and what of them."""

from __future__ import annotations

import pytest

from viewer.render.volumes.volume_presets import presets
from viewer.ui.views.controller import ViewsController


@pytest.fixture
def views(window) -> ViewsController:
    return ViewsController(window.views)


def test_layouts_that_any_image_fills_follow_each_other(views, session):
    session.state.layout = "compare"
    found = []
    for _ in range(3):
        views.next_layout()
        found.append(session.state.layout)
    assert found == ["2x2", "1-up", "1+3"]


def test_time_points_end_at_the_first_and_the_last(views, session, add_image):
    assert not views.has_timepoints()
    add_image(times=3)
    assert views.has_timepoints()
    views.next_timepoint(9)
    assert session.state.timepoint == 2
    views.next_timepoint(-9)
    assert session.state.timepoint == 0


def test_a_preset_is_offered_for_the_modality_it_is_made_for(views, add_image):
    made_for_ct = next(one for one in presets().values() if one.modalities == ("CT",))
    assert not views.is_preset_offered(made_for_ct)
    add_image()
    assert views.is_preset_offered(made_for_ct)
    add_image(modality="MR")
    assert not views.is_preset_offered(made_for_ct)
