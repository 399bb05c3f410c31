from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.volume import Volume, Window
from viewer.render.overlay.overlay import (
    AI,
    DANGER,
    DIM,
    PLANE_COLORS,
    WARNING,
    Line,
    color_bars,
    cross,
    layer_lines,
    loading,
    mark_lines,
    mismatches,
    number,
    patient_lines,
    scale_bar,
    slice_lines,
    window_lines,
)
from viewer.render.overlay.overlay_painter import OverlayPainter
from viewer.render.planes.plane import Plane, Pose
from viewer.render.slices.slice_view import SliceView
from viewer.scene.layer import volume_layer

GRID = Grid.of((10, 20, 30), (2.5, 1, 1), (0, 0, -30), frame_of_reference="1.2.3")


def layer(name="CT", grid=GRID, **facts):
    return volume_layer((replace(Volume(np.zeros(grid.shape, np.int16), grid, name), **facts),))


def texts(lines):
    return [line.text for line in lines]


def test_what_a_file_says_of_ai_is_a_lasting_mark():
    opened = layer(badges=("AI-altered", "lossy"))
    assert mark_lines((opened,)) == (Line("AI-altered", AI),)


def test_the_patient_the_study_and_the_series_are_named():
    source = Source(
        patient_name="Doe^Jane^^Dr=X",
        patient_id="17",
        patient_sex="F",
        patient_birth_date="19500102",
        study_date="20200304",
        study_description="CT chest",
        series_number=2,
        series_description="lung",
    )
    assert texts(patient_lines(source)) == ["Doe, Jane, Dr", "17 · F · 1950-01-02", "2020-03-04 · CT chest", "2 lung"]
    assert patient_lines(Source()) == ()


def test_layers_are_listed_from_the_top_with_opacity_and_badges_in_their_colours():
    base = layer(badges=("slices missing",), source=Source(files=("a.nii",)))
    result = layer("CT denoised", source=base.source, provenance=Provenance("p", "1", "1", learned=True))
    result.review, result.opacity = "unreviewed", 0.5
    lines = layer_lines((base, result))
    assert texts(lines) == ["CT denoised · 50%", "AI, not reviewed", "CT", "slices missing"]
    assert [line.color for line in lines][1::2] == [AI, WARNING]


def test_two_patients_in_one_view_are_a_danger_two_frames_a_warning_and_somebody_unknown_is_said():
    ours = layer(source=Source(patient_id="1"))
    theirs = layer(source=Source(patient_id="2"))
    moved = layer(source=Source(patient_id="1"), grid=replace_frame("9.9"))
    unknown = layer(source=Source(patient_id="1"), grid=replace_frame(""))
    assert [(line.text, line.color) for line in mismatches((ours, theirs))] == [("different patients", DANGER)]
    assert [(line.text, line.color) for line in mismatches((ours, moved))] == [
        ("different frames of reference", WARNING)
    ]
    nobody = layer(source=Source(files=("a.nii",)))
    assert [(line.text, line.color) for line in mismatches((ours, nobody))] == [("patient not known", DIM)]
    assert texts(mismatches((ours, nobody, theirs))) == ["different patients"]
    assert mismatches((ours, unknown)) == mismatches((ours, ours)) == mismatches((ours,)) == mismatches(()) == ()


def replace_frame(frame):
    return Grid(GRID.shape, GRID.affine, frame)


def test_the_window_is_written_in_the_unit_with_its_name():
    assert texts(window_lines(Window(-500, 1500, "Lung"), "HU", 0.94)) == ["W 1500  L −500 HU · Lung", "Zoom 94%"]
    assert texts(window_lines(Window(0.5, 1), "", 2))[0] == "W 1  L 0.5"


def test_the_slice_is_counted_from_one_and_placed_in_the_patient():
    plane, base = Plane(GRID, "axial"), layer()
    assert texts(slice_lines(plane, 0, base, 0)) == ["Axial 1/10", "F 30.0 mm · 2.5 mm apart"]
    assert texts(slice_lines(plane, 9, base, 5))[1] == "F 7.5 mm · 2.5 mm apart"
    assert slice_lines(plane, 0, base, 0)[0].color == PLANE_COLORS["axial"]


def test_a_time_point_is_counted_and_said_in_words():
    times = tuple(Volume(np.zeros(GRID.shape, np.int16), GRID, time=f"{n} s") for n in range(3))
    assert texts(slice_lines(Plane(GRID, "axial"), 0, volume_layer(times), 1))[-1] == "Time 2/3 · 1 s"
    assert texts(slice_lines(Plane(GRID, "axial"), 0, volume_layer(times), 9))[-1] == "Time 3/3 · 2 s"


@given(st.floats(0.005, 20), st.integers(100, 3000))
def test_the_scale_bar_is_round_fits_and_is_true(scale, width):
    bar = scale_bar(scale, width)
    assert bar.pixels * scale == pytest.approx(bar.mm)
    assert width * 0.09 <= bar.pixels <= width * 0.25 + 1e-6
    assert f"{bar.mm:e}"[0] in "125"


def test_lengths_from_a_centimetre_on_are_in_centimetres():
    assert [scale_bar(scale, 400).text for scale in (0.005, 0.05, 0.5)] == ["0.5 mm", "5 mm", "5 cm"]


def test_coloured_layers_have_a_bar_and_grey_ones_and_pictures_none():
    pet = layer("PET", unit="Bq/ml")
    pet.colormap, pet.window = "hot iron", Window(10000, 20000)
    photo = volume_layer((Volume(np.zeros((*GRID.shape, 3), np.uint8), GRID),), colormap="turbo")
    (bar,) = color_bars((layer(), pet, photo))
    assert (bar.colormap, bar.lower, bar.upper, bar.unit) == ("hot iron", "0", "20000", "Bq/ml")


@pytest.mark.parametrize(
    ("plane", "upright", "level"),
    [
        ("axial", "sagittal", "coronal"),
        ("sagittal", "coronal", "axial"),
        ("coronal", "sagittal", "axial"),
    ],
)
def test_reference_lines_have_the_colours_of_the_other_planes(plane, upright, level):
    pose = Pose.fit(Plane(GRID, plane), 0, 400, 300)
    lines = cross(pose, tuple(GRID.centre), full=True)
    assert (lines.upright, lines.level) == (PLANE_COLORS[upright], PLANE_COLORS[level])
    assert (lines.x, lines.y) == pytest.approx((200, 150))


def test_the_slowest_layer_sets_the_loading_bar():
    slow, done = layer(), layer()
    slow.loaded = 0.3
    assert (loading((done, slow)), loading(())) == (0.3, 1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0001, "−0.0001"),
        (400.0, "400"),
        (-500, "−500"),
        (12.34, "12.3"),
        (1.5, "1.5"),
        (0.25, "0.25"),
        (1234567, "1234567"),
        (1e9, "1e+09"),
        (100.0, "100"),
        (-0.0, "0"),
        (0.0004, "0.0004"),
        (20.04, "20"),
    ],
)
def test_numbers_are_short_and_plain(value, text):
    assert number(value) == text


def test_a_view_says_all_of_it(qtbot, document, state, add):
    add(np.zeros(GRID.shape, np.int16), GRID, name="CT", unit="HU", source=Source(patient_name="Doe^J"))
    state.show_text = state.show_crosshair = True
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    view.resize(300, 300)
    written = view.overlay()
    assert texts(written.top_left) == ["Doe, J"]
    assert texts(written.top_right) == ["CT"]
    assert texts(written.bottom_left)[0] == "W 255  L 128 HU"
    assert texts(written.bottom_right)[0] == "Axial 6/10"
    assert written.edges == ("R", "L", "A", "P")
    assert written.scale_bar
    assert written.cross.full
    state.show_text = False
    assert view.overlay().top_left == () == view.overlay().bottom_right
    assert view.overlay().cross
    state.show_crosshair = False
    assert view.overlay().cross is None
    state.show_text = True
    assert not view.overlay().cross.full, "marks at the edges stay"


def test_hidden_overlays_are_not_listed_and_warn_of_nothing(qtbot, document, state, add):
    state.show_text = True
    add(np.zeros(GRID.shape, np.int16), GRID, name="CT", source=Source(patient_id="1"))
    add(np.zeros(GRID.shape, np.int16), GRID, name="PET", source=Source(patient_id="2"))
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    assert texts(view.overlay().top_right) == ["different patients", "PET", "CT"]
    state.show_overlays = False
    assert texts(view.overlay().top_right) == ["CT"]


def test_a_plane_that_has_nothing_to_show_says_so(qtbot, document, state, add):
    add(np.zeros((1, 20, 30), np.int16), Grid.of((1, 20, 30)))
    view = SliceView(document, state, "sagittal")
    qtbot.addWidget(view)
    assert "no sagittal slices" in view.overlay().message
    assert view.world_at(5, 5) is None


def test_an_empty_document_writes_nothing(qtbot, document, state):
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    assert view.overlay().message == ""
    assert (view.count, view.index, view.spacing, view.world_at(1, 1)) == (0, 0, 0.0, None)
    view.scroll(1)
    view.zoom(2)
    view.pan(1, 1)
    view.fit()


def test_a_mark_is_never_cut(qapp):
    painter = OverlayPainter(12)
    mark = Line("AI, not reviewed", AI)
    assert painter._short(mark, 120) == mark
    assert painter._short(Line("2024-01-15 · Brain, baseline and more"), 300).text.startswith("2024-01-15")
    name = painter._short(Line("T1 MPRAGE of the whole head – Denoise"), 300, name=True)
    assert name.text.startswith("T1")
    assert "…" in name.text
    assert name.text.endswith("noise")
