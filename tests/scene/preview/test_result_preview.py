"""A result on its way: finished slices over the image it is made from, and no trace of it afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.preview import Preview
from viewer.data.volume import Volume, Window
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer
from viewer.scene.preview.result_preview import BADGE, ResultPreview
from viewer.scene.view_state import ViewState

SHAPE = (10, 6, 8)


@pytest.fixture
def document() -> Document:
    grid = Grid.of(SHAPE)
    volumes = tuple(Volume(np.full(SHAPE, time, np.int16), grid, "CT", "HU", slope=2.0) for time in range(2))
    document = Document()
    for name in ("CT", "above"):
        document.insert(len(document), VolumeLayer(name=name, volumes=volumes, window=Window(40, 400)))
    return document


@pytest.fixture
def state() -> ViewState:
    return ViewState()


@pytest.fixture
def result_preview(document: Document, state: ViewState) -> ResultPreview:
    return ResultPreview(document, state, document.volume_layers[0], "Denoise")


def put(result_preview: ResultPreview, start: int, slices: int, value: float = 7.0) -> None:
    box = result_preview.write(Preview(start, np.full((slices, *SHAPE[1:]), value, np.float32)))
    assert box is not None
    result_preview.show(box)


def test_finished_slices_lie_over_the_image_and_the_rest_is_clear(result_preview, document):
    put(result_preview, 2, 3)
    base, preview, above = document.shown
    assert (base.name, preview.name, above.name) == ("CT", "CT – Denoise", "above")
    values = preview.volumes[0].values()
    assert (values[2:5] == 7.0).all()  # physical values, whatever the slope of the input
    assert np.isnan(values[:2]).all()
    assert np.isnan(values[5:]).all()
    assert BADGE in preview.badges
    assert preview.loaded == pytest.approx(0.3)
    assert preview.volumes[0].grid is base.volumes[0].grid


def test_it_is_no_part_of_the_document(result_preview, document):
    before = list(document)
    put(result_preview, 0, 5)
    assert list(document) == before
    assert len(document) == len(before)
    assert len(document.volume_layers) == len(before)
    assert document.find(document.shown[1].id) is None


def test_views_hear_of_every_slab_and_of_its_box(result_preview, document):
    inserted, touched = [], []
    document.inserted.connect(lambda _, layer: inserted.append(layer))
    put(result_preview, 0, 2)
    inserted[0].touched.connect(lambda timepoint, box: touched.append((timepoint, box[0])))
    put(result_preview, 2, 4)
    assert len(inserted) == 1
    assert touched == [(0, slice(2, 6)), (1, slice(2, 6))]


def test_it_looks_as_the_image_under_it(result_preview, document):
    put(result_preview, 0, 2)
    base, preview = document.shown[:2]
    assert preview.window == Window(40, 400)
    base.window, base.colormap, base.opacity = Window(0, 80), "hot iron", 0.5
    assert (preview.window, preview.colormap, preview.opacity) == (Window(0, 80), "hot iron", 0.5)
    base.visible = False
    assert preview not in document.shown


def test_it_is_seen_at_its_own_time_point_only(result_preview, document, state):
    put(result_preview, 0, 2)
    preview = document.shown[1]
    state.timepoint = 1
    assert preview not in document.shown
    state.timepoint = 0
    assert preview in document.shown


def test_withdrawn_it_leaves_nothing_and_takes_nothing_more(result_preview, document):
    put(result_preview, 0, 2)
    preview, removed = document.shown[1], []
    document.removed.connect(lambda _, layer: removed.append(layer))
    result_preview.withdraw()
    result_preview.withdraw()
    assert removed == [preview]
    assert [layer.name for layer in document.shown] == ["CT", "above"]
    assert result_preview.write(Preview(2, np.zeros((2, *SHAPE[1:]), np.float32))) is None
    result_preview.show((slice(2, 4), slice(0, 6), slice(0, 8)))
    document.volume_layers[0].window = Window(1, 2)
    assert preview.window == Window(40, 400)
    assert len(document.shown) == 2


@pytest.mark.parametrize(
    ("start", "shape"),
    [(-1, (2, 6, 8)), (9, (2, 6, 8)), (0, (2, 8, 6)), (0, (0, 6, 8)), (0, (2, 6, 8, 3)), (0, (6, 8))],
)
def test_slices_that_do_not_fit_are_refused(result_preview, document, start, shape):
    with pytest.raises(ValueError, match="does not fit"):
        result_preview.write(Preview(start, np.zeros(shape, np.float32)))
    assert len(document.shown) == 2
