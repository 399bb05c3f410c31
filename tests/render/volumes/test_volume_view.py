from __future__ import annotations

import numpy as np
import pytest
from screen import pixels

from tests.conftest import PATIENCE
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.volume import Volume, Window
from viewer.render.volumes import downsampling
from viewer.render.volumes.volume_presets import presets, presets_for
from viewer.render.volumes.volume_view import SIDES, VolumeView


def two_balls(grid):
    """A small ball on the patient's left and a large one at the head."""
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    small = np.linalg.norm(world - grid.centre - (22, 0, 0), axis=-1) < 6
    large = np.linalg.norm(world - grid.centre - (0, 0, 22), axis=-1) < 11
    return np.where(small | large, 255, 0).astype(np.int16)


def blobs(picture):
    """(x, y, area) of the bright spots, the smallest first."""
    from scipy import ndimage

    marks, count = ndimage.label(picture.max(axis=2) > 60)
    places = ndimage.center_of_mass(marks > 0, marks, range(1, count + 1))
    areas = ndimage.sum(marks > 0, marks, range(1, count + 1))
    found = [(x, y, area) for (y, x), area in zip(places, areas, strict=True) if area > 20]
    return sorted(found, key=lambda blob: blob[2])


@pytest.fixture
def still(qtbot):
    def wait(view):
        qtbot.waitUntil(lambda: view.is_complete)

    return wait


@pytest.mark.parametrize("direction", [np.eye(3), np.diag([-1, 1, 1]), np.diag([1, 1, -1]) @ np.eye(3)[[1, 2, 0]].T])
def test_sides_are_right_from_everywhere(document, state, add, show, still, direction):
    grid = Grid.of((60, 66, 70), (1.1, 1, 1), (10, 20, 30), direction)
    add(two_balls(grid), grid)
    view = show(VolumeView(document, state))
    still(view)
    seen = {}
    for side in ("anterior", "posterior", "left", "superior"):
        view.look_from(side)
        seen[side] = [(x - 150, y - 150) for x, y, _ in blobs(pixels(view))]
    (left_x, left_y), (head_x, head_y) = seen["anterior"]
    assert left_x > 30 > abs(left_y), "from the front the patient's left is on the right"
    assert head_y < -30 < -abs(head_x), "and the head is up"
    assert seen["posterior"][0][0] < -30
    assert seen["left"][-1][1] < -30
    assert seen["superior"][0][0] > 30 or seen["superior"][0][0] < -30


def test_the_letters_follow_the_camera(document, state, add, show, still):
    grid = Grid.of((40, 40, 40))
    add(two_balls(grid), grid)
    state.show_text = True
    view = show(VolumeView(document, state))
    still(view)
    letters = {}
    for side in SIDES:
        view.look_from(side)
        letters[side] = "".join(view.overlay().edges)
    assert letters == {
        "anterior": "RLHF",
        "posterior": "LRHF",
        "left": "APHF",
        "right": "PAHF",
        "superior": "LRAP",
        "inferior": "RLAP",
    }
    document.remove(document.base.id)
    unplaced = Grid.of((40, 40, 40), placed=False)
    add(two_balls(unplaced), unplaced)
    still(view)
    assert view.overlay().edges == ("", "", "", ""), "no side is known"
    document.remove(document.base.id)
    add(two_balls(grid), grid)
    view.look_from("anterior")
    still(view)
    view.orbit(100, 0)
    assert view.overlay().edges[1] != "L", "turned by 40 degrees"


def test_coarse_first_full_at_rest_and_then_idle(document, state, add, show, still, qtbot):
    grid = Grid.of((60, 60, 60))
    add(two_balls(grid), grid)
    view = show(VolumeView(document, state))
    still(view)
    assert view.gl_window.GetDesiredUpdateRate() < 1
    frames = view.frames
    view.orbit(10, 5)
    assert not view.is_complete
    qtbot.waitUntil(lambda: view.frames > frames)
    assert view.gl_window.GetDesiredUpdateRate() > 10
    still(view)
    frames = view.frames
    qtbot.wait(400)
    assert view.frames == frames


def test_a_window_waits_for_the_rest_so_that_slices_stay_quick(document, state, add, show, still, qtbot):
    grid = Grid.of((60, 60, 60))
    layer = add(two_balls(grid), grid)
    view = show(VolumeView(document, state))
    still(view)
    bright = pixels(view).mean()
    frames, rest = view.frames, view._rest.interval()
    view._rest.setInterval(PATIENCE)  # however long the machine stalls
    for n in range(20):
        layer.window = Window(800, 1000 + n)
        qtbot.wait(10)
    assert view.frames == frames
    view._rest.start(rest)
    still(view)
    assert pixels(view).mean() < bright / 2


def test_what_cannot_be_rendered_is_said_in_words(document, state, add, show, qtbot):
    view = show(VolumeView(document, state))
    assert view.overlay().message == ""
    flat = add(np.zeros((1, 40, 40), np.int16), Grid.of((1, 40, 40)))
    assert "single slice" in view.overlay().message
    document.remove(flat.id)
    colour = add(np.zeros((9, 40, 40, 3), np.uint8), Grid.of((9, 40, 40)))
    assert "colour" in view.overlay().message
    document.remove(colour.id)
    part = add(np.zeros((9, 40, 40), np.int16), Grid.of((9, 40, 40)))
    part.loaded = 0.4
    assert "40% loaded" in view.overlay().message
    assert view.overlay().loading == 0.4
    part.loaded = 1.0
    qtbot.waitUntil(lambda: view.is_complete)
    assert view.overlay().message == ""


def test_what_can_no_longer_be_rendered_leaves_the_screen(document, state, add, show, still):
    grid = Grid.of((40, 60, 60), (1.5, 1, 1))
    layer = add(two_balls(grid), grid)
    view = show(VolumeView(document, state))
    still(view)
    assert pixels(view)[10:130].max() > 60
    layer.loaded = 0.5
    assert pixels(view)[10:130].max() == 0, "above the words and below the loading bar"


def test_a_large_volume_is_reduced_and_says_so(document, state, add, show, still, monkeypatch):
    monkeypatch.setattr(downsampling, "SMALL", 30_000)
    grid = Grid.of((60, 60, 60), (2, 1, 1))
    add(two_balls(grid), grid)
    state.show_text = True
    view = show(VolumeView(document, state))
    still(view)
    lines = [line.text for line in view.overlay().top_right]
    assert "reduced for 3-D: 2 × 2 × 4 mm" in lines
    assert len(blobs(pixels(view))) >= 2


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_every_type_is_rendered(document, state, add, show, still, dtype):
    grid = Grid.of((40, 60, 60), (1.5, 1, 1))
    array = two_balls(grid).astype(dtype)
    if dtype.startswith("float"):
        array[0, 0, 0] = np.nan
    add(array, grid)
    view = show(VolumeView(document, state))
    still(view)
    assert len(blobs(pixels(view))) == 2


@pytest.mark.parametrize("preset", [name for name, look in presets().items() if look.opacity])
def test_every_preset_draws_and_the_file_is_whole(document, state, add, show, still, preset):
    grid = Grid.of((40, 60, 60), (1.5, 1, 1))
    layer = add(two_balls(grid) * 4 - 500, grid, source=Source(modality="CT"))
    if preset == "ct-lung":
        document.remove(layer.id)
        layer = add(two_balls(grid) - 900, grid, source=Source(modality="CT"))
    layer.window = Window(10, 1020) if preset != "ct-lung" else layer.window
    view = show(VolumeView(document, state))
    view.set_preset(preset)
    still(view)
    assert pixels(view).max() > 20
    assert view.preset.id == preset


def test_presets_fit_the_modality():
    def first(modality):
        grid = Grid.of((2, 2, 2))
        return presets_for(Volume(np.zeros(grid.shape), grid, source=Source(modality=modality)))[0].id

    assert [first(m) for m in ("CT", "MR", "PT", "XX")] == ["ct-bone", "mr-default", "pet-mip", "mip"]


def test_an_unknown_preset_is_refused(document, state, qtbot):
    view = VolumeView(document, state)
    qtbot.addWidget(view)
    with pytest.raises(KeyError):
        view.set_preset("no such preset")


def test_the_active_image_is_rendered_and_its_pixels_let_go(document, state, add, show, still):
    import gc
    import weakref

    grid = Grid.of((40, 60, 60), (1.5, 1, 1))
    base = add(two_balls(grid), grid)
    over = add(np.zeros(grid.shape, np.int16), grid)
    view = show(VolumeView(document, state))
    still(view)
    assert view.layer is base
    state.active = over.id
    still(view)
    assert view.layer is over
    assert len(blobs(pixels(view))) == 0
    array = weakref.ref(over.volumes[0].array)
    document.remove(over.id)
    del over
    gc.collect()
    assert array() is None
    assert len(blobs(pixels(view))) == 2, "back to the base"


def test_a_picture_is_full_even_if_nothing_was_ready(document, state, add, show):
    view = show(VolumeView(document, state))
    grid = Grid.of((60, 60, 60))
    add(two_balls(grid), grid)
    assert len(blobs(pixels(view))) == 2
    assert view.is_complete


def test_a_difference_is_not_rendered(document, state, add, qtbot):
    grid = Grid.of((8, 8, 8))
    base = add(np.zeros(grid.shape, np.int16), grid)
    result = add(np.zeros(grid.shape, np.int16), grid, provenance=Provenance("denoise", "1", "1"))
    change = add(np.zeros(grid.shape, np.int16), grid, provenance=Provenance("difference", "1", "1"))
    view = VolumeView(document, state)
    qtbot.addWidget(view)
    for active, shown in ((base, base), (result, result), (change, base)):
        state.active = active.id
        assert view.layer is shown
