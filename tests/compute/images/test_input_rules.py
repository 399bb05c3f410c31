from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.dicom_phantom import PLACED, dataset, ramp, write
from tests.fixtures.phantom import phantom
from viewer.cli.headless_session import HeadlessStage
from viewer.cli.inputs import read_volume
from viewer.compute.images.input_rules import InputRules, check_input, refusal
from viewer.data.grid import Grid
from viewer.data.notice import UNMEASURED
from viewer.data.study import Source
from viewer.data.volume import Volume

EVERY = InputRules(
    modality=("MR",), body_part=("BRAIN", "HEAD"), contrast=True, view=("PA",), photometric=("MONOCHROME2",),
    spacing=(0.3, 2.0), planes=("axial",), slices=(2, 400), values=(-10.0, 5000.0), burned_in=False,
)  # fmt: skip
TOLD = Source(
    modality="MR", body_part="brain", contrast_agent="GADOVIST", view_position="PA", photometric="MONOCHROME2",
    burned_in="NO", dicom=True,
)  # fmt: skip
GRID = Grid.of((4, 5, 6), (1.5, 1.0, 1.0))
IMAGE = Volume(np.arange(120, dtype=np.int16).reshape(4, 5, 6), GRID, source=TOLD)


def outcomes(image: Volume, rules: InputRules = EVERY) -> dict[str, str]:
    return {check.name: check.outcome for check in check_input(image, rules)}


def test_an_image_that_a_model_is_made_for_passes_every_rule() -> None:
    assert set(outcomes(IMAGE).values()) == {"passed"}
    assert len(outcomes(IMAGE)) == 10
    assert refusal(check_input(IMAGE, EVERY)) is None


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        ({"modality": "CT"}, "modality", "Modality: it is CT, and it must be MR."),
        ({"body_part": "CHEST"}, "body part", "Body part: it is CHEST, and it must be BRAIN or HEAD."),
        ({"contrast_agent": "none"}, "contrast agent", "no agent was given, and one must have been given."),
        ({"view_position": "AP"}, "view", "View: it is AP"),
        ({"photometric": "MONOCHROME1"}, "photometric interpretation", "it is MONOCHROME1"),
        ({"burned_in": "YES"}, "burned-in annotation", "the header says YES, and there must be none."),
    ],
)
def test_a_header_of_something_else_is_refused_in_one_sentence(change: Any, name: str, sentence: str) -> None:
    image = replace(IMAGE, source=replace(TOLD, **change))
    assert [key for key, outcome in outcomes(image).items() if outcome == "failed"] == [name]
    refused = refusal(check_input(image, EVERY))
    assert refused is not None
    assert sentence in refused.sentence
    assert refused.sentence.count(".") == 1
    assert len(refused.checks) == 10


def test_what_the_header_does_not_say_is_named_as_unknown_and_never_guessed() -> None:
    """Also where the description of the series would suggest it."""
    said = Source(series_description="T1 BRAIN +C GADOLINIUM axial")
    image = replace(IMAGE, source=said, grid=replace(GRID, placed=False), badges=(UNMEASURED,))
    found = outcomes(image)
    asked = ("modality", "body part", "contrast agent", "view", "photometric interpretation", "spacing", "orientation")
    assert [found[name] for name in (*asked, "burned-in annotation")] == ["unknown"] * 8
    assert refusal(check_input(image, EVERY)) is None
    sentences = [check.sentence for check in check_input(image, EVERY) if check.outcome == "unknown"]
    assert all("the image does not tell" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (replace(IMAGE, grid=Grid.of((4, 5, 6), (5.0, 1.0, 1.0))), "spacing"),
        (
            replace(IMAGE, grid=Grid.of((4, 5, 6), (1, 1, 1), direction=[[0, 0, 1], [1, 0, 0], [0, 1, 0]])),
            "orientation",
        ),
        (replace(IMAGE, array=IMAGE.array[:1], grid=Grid.of((1, 5, 6))), "number of slices"),
        (replace(IMAGE, slope=100.0), "values"),
        (replace(IMAGE, slope=-1.0), "values"),
        (replace(IMAGE, array=np.full((4, 5, 6), 7, np.int16)), "values"),
        (replace(IMAGE, array=np.full((4, 5, 6), np.nan, np.float32)), "values"),
    ],
)
def test_geometry_and_values_are_held_to_their_range(image: Volume, name: str) -> None:
    assert [key for key, outcome in outcomes(image).items() if outcome == "failed"] == [name]


def test_an_agent_that_must_not_have_been_given() -> None:
    rules = InputRules(contrast=False)
    for agent, outcome in (("GADOVIST", "failed"), ("NONE", "passed"), ("", "unknown")):
        image = replace(IMAGE, source=replace(TOLD, contrast_agent=agent))
        assert outcomes(image, rules) == {"contrast agent": outcome}


def test_of_what_is_not_named_nothing_is_asked() -> None:
    assert check_input(phantom(), InputRules()) == ()


@given(st.floats(0.2, 6), st.floats(0.2, 6), st.floats(0.2, 6))
def test_spacing_passes_where_every_direction_does(k: float, j: float, i: float) -> None:
    image = replace(IMAGE, grid=Grid.of((4, 5, 6), (k, j, i)))
    (check,) = check_input(image, InputRules(spacing=(0.5, 3.0)))
    inside = all(0.5 <= side <= 3.0 for side in image.grid.spacing)
    assert check.outcome == ("passed" if inside else "failed")


def test_a_dicom_header_tells_the_facts(tmp_path: Path) -> None:
    told = {
        "Modality": "MR", "BodyPartExamined": "BRAIN", "ContrastBolusAgent": "Gadovist", "ViewPosition": "PA",
        "BurnedInAnnotation": "NO",
    }  # fmt: skip
    for number in range(2):
        pixels = ramp((6, 8))
        place = {**PLACED, "PixelSpacing": [1, 1], "ImagePositionPatient": [0, 0, 1.5 * number]}
        write(tmp_path / f"{number}.dcm", dataset(pixels, **told, **place, InstanceNumber=number), pixels)
    with HeadlessStage() as stage:
        image = read_volume(stage, str(tmp_path))
    found = outcomes(image, replace(EVERY, values=(-1024.0, 5000.0)))
    assert set(found.values()) == {"passed"}, found
