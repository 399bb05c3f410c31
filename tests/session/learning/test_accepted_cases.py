"""What counts as accepted, whose it is, and what of the image goes with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.prompt_model import GRID, case
from viewer.cli.headless_session import HeadlessStage
from viewer.data.segmentation import Segment
from viewer.data.study import Source
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.session.learning.accepted_cases import case_identity, open_structures, tuning_cases


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"review": "accepted"}, True),
        ({"review": "corrected"}, True),
        ({"review": "unreviewed"}, False),
        ({"review": "edited"}, False),
        ({"review": "rejected"}, False),
        ({"review": "source"}, False),
        ({"review": "source", "state": "completed"}, True),
    ],
)
def test_only_what_a_person_accepted_is_learned_from(fields: dict[str, str], counts: bool) -> None:
    assert bool(list(tuning_cases(*case("a", **fields)))) is counts


def test_a_structure_comes_with_the_image_about_it() -> None:
    image, segmentation = case("a")
    (one,) = tuning_cases(image, segmentation)
    assert one.image.shape == one.mask.shape == (14, 30, 29)  # 11 voxels of a ball, as many to each side, in the image
    assert one.spacing == (2.0, 1.0, 1.0)
    assert one.mask.sum() == segmentation.array.sum()
    assert one.image[one.mask].mean() == pytest.approx(40, abs=1)


def test_a_large_structure_is_thinned() -> None:
    image, segmentation = case("a")
    large = [array.repeat(9, 0).repeat(9, 1).repeat(9, 2) for array in (image.array, segmentation.array)]
    grid = type(GRID).of(large[0].shape, (2.0, 1.0, 1.0))
    image, segmentation = replace(image, array=large[0], grid=grid), replace(segmentation, array=large[1], grid=grid)
    (one,) = tuning_cases(image, segmentation)
    assert one.image.size <= 1 << 21
    assert one.spacing == (4.0 * one.spacing[1] / 2, one.spacing[1], one.spacing[2])
    assert one.spacing[1] > 1
    assert one.mask.mean() == pytest.approx(next(iter(tuning_cases(*case("a")))).mask.mean(), rel=0.2)


def test_images_of_one_patient_are_one_case_whatever_they_are() -> None:
    one, _ = case("a", 1)
    other = replace(case("a", 2)[0], source=Source(patient_id="a", modality="CT", study_uid="1.2"))
    assert case_identity(one) == case_identity(other)
    assert case_identity(one) != case_identity(case("b", 1)[0])


def test_without_a_patient_the_study_and_else_the_voxels_tell() -> None:
    one, other = (replace(case("", seed)[0], source=Source(study_uid="1.2")) for seed in (1, 2))
    assert case_identity(one) == case_identity(other)
    one, again, other = (case("", seed)[0] for seed in (1, 1, 2))
    assert case_identity(one) == case_identity(again) != case_identity(other)


@pytest.mark.parametrize("harm", ["colour", "constant", "NaN", "tiny", "empty"])
def test_what_cannot_be_learned_from_is_left_out(harm: str) -> None:
    image, segmentation = case("a")
    if harm == "colour":
        image = replace(image, array=np.zeros((*GRID.shape, 3), np.uint8))
    elif harm == "constant":
        image = replace(image, array=np.ones(GRID.shape, np.int16))
    elif harm == "NaN":
        image = replace(image, array=np.where(segmentation.array, np.nan, image.array).astype(np.float32))
    else:
        few = np.zeros_like(segmentation.array)
        few[5, 5, : 3 * (harm == "tiny")] = 1
        segmentation = replace(segmentation, array=few)
    assert not list(tuning_cases(image, segmentation))


def test_open_segmentations_count_where_their_image_is_there(home: Path) -> None:
    with HeadlessStage() as stage:
        session = stage.session
        image, segmentation = case("a")
        layer = volume_layer((image,))
        session.history.do(AddLayer(layer))
        session.history.do(AddLayer(segmentation_layer(segmentation, layer)))
        session.history.do(AddLayer(segmentation_layer(replace(segmentation, segments=(Segment(1, "x"),)))))
        (found,) = open_structures(session.document)
        assert [one.mask.sum() for one in found.cases()] == [segmentation.array.sum()]
