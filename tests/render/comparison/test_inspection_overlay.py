"""Input and result in the slice views: what is seen on each side of the line, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from screen import pixels

from viewer.compute.images.region_statistics import measure
from viewer.data.annotations.region import Region
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.volume import Window
from viewer.render.comparison.inspection_overlay import SHORE
from viewer.render.overlay.overlay import AI
from viewer.render.slices.slice_view import SliceView
from viewer.render.volumes.volume_view import VolumeView
from viewer.scene.compare.inspection import Inspection
from viewer.scene.layer import MARKS, difference_layer
from viewer.scene.view_state import ViewState

GRID = Grid.of((60, 64, 68), (1.5, 1.4, 1.3), (-40, -40, -40))
LEARNED = Provenance("net", "1", "1", started="2026-01-01T10:00:00+00:00", learned=True)


@pytest.fixture
def pair(add, state):
    """An input of 50 and a learned result of 200 over it, active."""
    given = add(np.full(GRID.shape, 50, np.int16), GRID, name="CT", unit="HU")
    result = add(np.full(GRID.shape, 200, np.int16), GRID, name="CT – Net", unit="HU", provenance=LEARNED)
    result.made_from, result.review = given.id, "unreviewed"
    state.active = result.id
    return given, result


def grey(view, x, y):
    return int(pixels(view)[int(y), int(x), 0])


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal"])
@pytest.mark.parametrize("upright", [True, False])
def test_the_line_parts_input_and_result_where_it_is_drawn(document, state, pair, show, plane, upright):
    view = show(SliceView(document, state, plane))
    at = tuple(float(mm) for mm in np.add(GRID.centre, (6, -5, 4)))
    state.inspection = Inspection(pair[1].id, "wipe", at=at, upright=upright)
    line = view.overlay().wipe.at
    assert line == pytest.approx(view.pose.pixel(at)[0 if upright else 1])
    for off, expected in ((-12, 50), (12, 200)):
        spot = (line + off, 220) if upright else (220, line + off)
        assert grey(view, *spot) == pytest.approx(expected, abs=3)


def test_the_line_never_leaves_the_view(document, state, pair, show):
    view = show(SliceView(document, state, "axial"))
    state.inspection = Inspection(pair[1].id, "wipe", at=(1e4, 0.0, 0.0))
    assert view.overlay().wipe.at == view.width() - SHORE
    assert grey(view, view.width() - SHORE - 40, 150) == pytest.approx(50, abs=3)


def test_a_blend_mixes_and_the_layers_own_opacity_and_order_do_not_matter(document, state, pair, add, show):
    given, result = pair
    add(np.full(GRID.shape, 255, np.int16), GRID, name="another image above")
    result.opacity, given.visible = 0.1, False
    view = show(SliceView(document, state, "axial"))
    for blend in (0.0, 0.25, 1.0):
        state.inspection = Inspection(result.id, blend=blend)
        assert grey(view, 100, 100) == pytest.approx(50 + 150 * blend, abs=3)
    state.inspection = replace(state.inspection, flipped=True)
    assert grey(view, 100, 100) == pytest.approx(50, abs=3)
    state.inspection = None
    assert grey(view, 100, 100) == 255


def test_both_are_seen_through_the_results_window(document, state, pair, show):
    given, result = pair
    view = show(SliceView(document, state, "axial"))
    state.inspection = Inspection(result.id, blend=0.0)
    result.window = Window(50, 100)
    assert grey(view, 100, 100) == pytest.approx(128, abs=3)
    state.inspection = None
    assert given.window == Window(127.5, 255)
    result.visible = False
    assert grey(view, 100, 100) == pytest.approx(50, abs=3)


def test_the_input_is_that_of_the_runs_time_point(document, state, pair, show):
    given, result = pair
    later = replace(given.volumes[0], array=np.full(GRID.shape, 90, np.int16))
    given.volumes, result.made_at = (given.volumes[0], later), 1
    view = show(SliceView(document, state, "axial"))
    state.inspection = Inspection(result.id, blend=0.0)
    assert grey(view, 100, 100) == pytest.approx(90, abs=3)


def test_the_difference_has_a_bar_with_unit_even_about_zero(document, state, pair, show, qapp):
    given, result = pair
    made = replace(LEARNED, plugin="difference")
    gap = difference_layer(
        replace(
            given.volumes[0],
            array=np.full(GRID.shape, 150, np.int16),
            name=f"{result.volumes[0].name}, difference",
            provenance=made,
        )
    )
    gap.made_from = given.id
    document.insert(2, gap)
    state.inspection = Inspection(result.id, "difference")
    state.show_text = True
    view = show(SliceView(document, state, "axial"))
    (bar,) = view.overlay().color_bars
    assert (bar.lower, bar.middle, bar.upper, bar.unit) == ("−150", "0", "+150", "HU")
    assert view.overlay().top_right[0].text == "Difference · result − input"


@pytest.mark.parametrize("review", ["unreviewed", "accepted", "rejected"])
@pytest.mark.parametrize("mode", ["blend", "wipe", "difference", None])
@pytest.mark.parametrize("text", [True, False])
def test_the_mark_of_ai_stays_however_a_result_is_seen(document, state, pair, mode, text, review, qtbot):
    result = pair[1]
    result.review = review
    state.inspection = Inspection(result.id, mode, blend=0.05) if mode else None
    state.show_text = text
    for view in (SliceView(document, state, "axial"), VolumeView(document, state)):
        qtbot.addWidget(view)
        marks = [line for line in view.overlay().top_right if line.text == MARKS[review, True]]
        assert [line.color for line in marks] == [AI], f"{view.name} view"


def test_the_side_of_an_ai_result_says_so_at_the_line(document, state, pair, qtbot):
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    state.inspection = Inspection(pair[1].id, "wipe")
    wipe = view.overlay().wipe
    assert (wipe.before.text, wipe.after.text, wipe.after.color) == ("input", "AI result", AI)


def region(**changes):
    centre = tuple(float(mm) for mm in GRID.to_world((30, 32, 34)))
    return replace(Region("ellipse", centre, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (14.0, 9.0), 0.75), **changes)


def test_a_region_is_drawn_where_it_lies_in_every_view_that_cuts_it(document, state, pair, qtbot):
    state.region, state.crosshair = region(), region().centre
    for plane in ("axial", "coronal", "sagittal"):
        view = SliceView(document, state, plane)
        qtbot.addWidget(view)
        drawn = np.array(view.overlay().outline.corners)
        size = np.ptp(drawn, axis=0) * view.pose.scale
        across = {"axial": (28, 18), "coronal": (28, 1.5), "sagittal": (18, 1.5)}[plane]
        assert size == pytest.approx(across, rel=0.02)
        assert drawn.mean(axis=0) == pytest.approx(view.pose.pixel(state.region.centre), abs=0.5)
        assert bool(view.overlay().outline.lines) is (plane == "axial")
        x, y, z = state.crosshair
        state.crosshair = (x + 20, y + 20, z + 2)
        assert view.overlay().outline is None
        state.crosshair = (x, y, z)


def test_its_numbers_are_those_of_the_voxels_at_any_zoom(document, state, pair, qtbot):
    given, _ = pair
    noise = np.random.default_rng(7).normal(0, 9, GRID.shape)
    given.volumes = (replace(given.volumes[0], array=(50 + noise).astype(np.float32)),)
    state.region, state.crosshair = region(), region().centre
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    before = measure(given.volumes[0], state.region)
    said = [line.text for line in view.overlay().outline.lines]
    assert said[0] == f"input mean {before.mean:.1f}  SD {before.sd:.2f} HU".replace(".0 ", " ")
    assert said[1] == "result mean 200  SD 0 HU"
    assert said[2].endswith(f"{before.voxels} voxels")
    view.zoom(3.7)
    assert [line.text for line in view.overlay().outline.lines] == said
    state.region = region(reach=(5.0, 5.0))
    assert [line.text for line in view.overlay().outline.lines] != said


def test_an_image_alone_is_measured_alone(document, add, qtbot):
    layer = add(np.full(GRID.shape, 7, np.int16), GRID, unit="1")
    state = ViewState(active=layer.id, crosshair=region().centre, region=region(), show_text=False)
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    assert view.overlay().outline.lines[0].text == "mean 7  SD 0"
