"""The plugin as it is run, with the model that comes with the program, on a painted head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from plugins.segment_brain.labels import numbers
from tests.fixtures import brain_phantom
from viewer.api import Grid, Job, MeasurementTable, Refusal, Segment, Segmentation, Volume
from viewer.data.study import Source
from viewer.plugin.execute import Result, execute

LEFT, RIGHT = (tuple(number for number, _, side in numbers() if side == which) for which in ("left", "right"))
GRID = Grid.of((56, 94, 64), (3.5, 2.2, 2.9), (105, -110, -91), [[-1, 0, 0], [0, 1, 0], [0, 0, 1]])


def run(image: Volume, earlier: Segmentation | None = None, **settings: object) -> Result:
    inputs = {"image": image} | ({"earlier": earlier} if earlier else {})
    return execute(Job(), "segment_brain", inputs, settings)


@pytest.fixture(scope="module")
def result() -> Result:
    return run(brain_phantom.head(GRID))


def test_left_is_left_and_structures_are_where_they_are(result: Result) -> None:
    found = result.outputs["segmentation"]
    assert isinstance(found, Segmentation)
    assert found.grid is not None
    assert found.grid.matches(GRID)
    x = brain_phantom.place(GRID)[0]
    assert x[np.isin(found.array, LEFT)].min() > -8
    assert x[np.isin(found.array, RIGHT)].max() < 8
    truth = brain_phantom.truth(GRID)
    for labels in ((2, 41), (3, 42), (8, 47), (10, 49), (16,)):
        ours, theirs = np.isin(found.array, labels), np.isin(truth, labels)
        assert 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()) > 0.8, labels


def test_the_table_is_of_the_label_map(result: Result) -> None:
    found, table = result.outputs["segmentation"], result.outputs["volumes"]
    assert isinstance(found, Segmentation)
    assert isinstance(table, MeasurementTable)
    ml = float(np.prod(GRID.spacing)) / 1000
    left, right, both, percent = table.line(table.rows.index("Cerebral white matter"))
    assert left == pytest.approx(ml * np.count_nonzero(found.array == 2))
    assert right == pytest.approx(ml * np.count_nonzero(found.array == 41))
    assert both == pytest.approx(left + right)
    assert percent == pytest.approx(100 * (left - right) / ((left + right) / 2))
    brain = table.line(table.rows.index("Brain"))[2]
    assert brain == pytest.approx(ml * np.count_nonzero(found.maps[1]))
    assert table.provenance == found.provenance


def test_the_provenance_names_the_model(result: Result) -> None:
    made = result.provenance
    assert made.model == "segment-brain"
    assert len(made.model_sha256) == 64
    assert made.learned
    assert made.parameters["doubt"] is True
    assert len(made.parameters["structures"]) == 20


def test_doubt_is_highest_at_borders(result: Result) -> None:
    doubt, found = result.outputs["doubt"], result.outputs["segmentation"]
    assert isinstance(doubt, Volume)
    assert isinstance(found, Segmentation)
    assert doubt.array.dtype == np.uint8
    assert doubt.unit == "bit"
    assert doubt.slope * 255 == pytest.approx(1)
    labels = brain_phantom.truth(GRID)
    inside = ndimage.binary_erosion(np.isin(labels, (2, 41)), iterations=3)
    border = ndimage.binary_dilation(labels == 10) & (labels != 10)  # of the thalamus
    assert doubt.values()[border].mean() > 2 * doubt.values()[inside].mean()


def test_only_what_is_ticked_is_made_anew(result: Result) -> None:
    first = result.outputs["segmentation"]
    assert isinstance(first, Segmentation)
    array = first.array.copy()
    array[first.array == 8] = 0  # the left cerebellar cortex is gone
    array[20:24, 40:44, 20:24] = 200
    earlier = replace(first, array=array, segments=(*first.segments, Segment(200, "Lesion", (9, 9, 9), reader="A")))
    made = run(brain_phantom.head(GRID), earlier, structures=["cerebellar cortex"], doubt=False)
    found = made.outputs["segmentation"]
    assert isinstance(found, Segmentation)
    assert list(made.outputs) == ["segmentation", "volumes"]
    for one in earlier.segments:
        if one.label not in (8, 47) or one.layer:
            assert found.segment(one.key) == one
            assert np.array_equal(found.mask(one), earlier.mask(one))
    assert np.count_nonzero(found.array == 8) > 0.9 * np.count_nonzero(first.array == 8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: replace(image, source=Source(modality="CT")), "modality CT"),
        (lambda image: replace(image, unit="HU"), "Hounsfield"),
        (lambda image: replace(image, array=image.array - np.int16(1000)), "Hounsfield"),
        (lambda image: Volume(np.arange(8, dtype=np.int16).reshape(2, 2, 2), Grid.of((2, 2, 2))), "2 mm wide"),
        (lambda image: Volume(np.arange(8, dtype=np.int16).reshape(2, 2, 2), Grid.of((2, 2, 2), (90,) * 3)), "apart"),
        (lambda image: Volume(image.array[:1], Grid.of((1, *image.array.shape[1:]), (200, 2, 2))), "single slice"),
    ],
)
def test_what_is_no_head_is_refused_before_the_weights_are_read(change, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        run(change(brain_phantom.head(GRID)), weights=Path("nowhere.safetensors"))
    assert str(refused.value).startswith("Segment the brain: ")


def test_an_earlier_one_on_another_grid_is_refused() -> None:
    earlier = Segmentation(np.zeros((4, 4, 4), np.uint8), Grid.of((4, 4, 4)), ())
    with pytest.raises(Refusal, match="another grid"):
        run(brain_phantom.head(GRID), earlier)
