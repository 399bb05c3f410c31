from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest
from magicgui.widgets import create_widget

from viewer.api import Grid, Job, MeasurementTable, Range, Refusal, Segmentation, Transform, Volume, plugin
from viewer.plugin.plugin import Input, Output


@plugin("Try it", group="Tests", version="2.1", outputs=("moved", "map"), libraries=("numpy",))
def try_it(
    image: Volume,
    mask: Segmentation | None,
    job: Job,
    *,
    lower: Annotated[float, Range(-10, 10, 0.5)] = 2.0,
    turns: Annotated[int, Range(1, 5)] = 3,
    loud: bool = False,
    how: Literal["fast", "well"] = "well",
    word: str = "",
    file: Path,
) -> tuple[Volume, Transform]:
    """Do something with an image.

    And more to say about it.

    Parameters
    ----------
    image
        What it is done to.
    lower : float
        Where it begins,
        and so on.
    """
    matrix = np.eye(4)
    matrix[0, 3] = lower
    return image, Transform(matrix)


GIVEN = {"file": "/x"}
DEFAULTS = {"lower": 2.0, "turns": 3, "loud": False, "how": "well", "word": "", "file": Path("/x")}


def test_the_signature_is_the_declaration() -> None:
    assert (try_it.id, try_it.title, try_it.group, try_it.version) == ("try_it", "Try it", "Tests", "2.1")
    assert try_it.inputs == (
        Input("image", "volume", True, "What it is done to."),
        Input("mask", "segmentation", False, ""),
    )
    assert try_it.outputs == (Output("moved", "volume"), Output("map", "transform"))
    assert try_it.summary == "Do something with an image."
    assert try_it.description == "And more to say about it."


def test_json() -> None:
    document = json.loads(json.dumps(try_it.to_json()))
    assert document["inputs"][1] == {"name": "mask", "type": "segmentation", "required": False}
    assert document["outputs"] == [{"name": "moved", "type": "volume"}, {"name": "map", "type": "transform"}]
    lower, turns, loud, how, word, file = document["parameters"]
    assert lower == {
        "name": "lower",
        "title": "Lower",
        "description": "Where it begins,\nand so on.",
        "type": "number",
        "minimum": -10,
        "maximum": 10,
        "default": 2.0,
    }
    assert (turns["type"], loud["type"], loud["default"], word["type"]) == ("integer", "boolean", False, "string")
    assert (how["type"], how["enum"], how["default"]) == ("string", ["fast", "well"], "well")
    assert "default" not in file
    assert document["models"] == []


def test_defaults_are_filled_in() -> None:
    assert try_it.validate(GIVEN) == DEFAULTS
    checked = try_it.validate(GIVEN | {"lower": 3, "turns": 2.0})
    assert (type(checked["lower"]), type(checked["turns"])) == (float, int)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"lower": 11}, "lower must lie between -10 and 10, not 11."),
        ({"lower": float("nan")}, "lower must be a number, not nan."),
        ({"lower": True}, "lower must be a number, not True."),
        ({"turns": 2.5}, "turns must be a whole number, not 2.5."),
        ({"turns": "2"}, "turns must be a whole number, not '2'."),
        ({"loud": 1}, "loud must be true or false, not 1."),
        ({"how": "badly"}, "how must be one of fast, well; not 'badly'."),
        ({"how": ["fast"]}, "how must be one of fast, well; not ['fast']."),
        ({"word": 3}, "word must be a text, not 3."),
        ({"file": 3}, "file must be a path, not 3."),
        ({"speed": 1}, "try_it has no parameter speed; it takes lower, turns, loud, how, word, file."),
    ],
)
def test_a_wrong_parameter_is_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal) as caught:
        try_it.validate(GIVEN | parameters)
    assert str(caught.value) == sentence


def test_a_missing_parameter_is_one_sentence() -> None:
    with pytest.raises(Refusal, match="try_it needs a value for file"):
        try_it.validate({})


def test_inputs_are_checked() -> None:
    image = Volume(np.zeros((2, 3, 4), np.int16), Grid.of((2, 3, 4)))
    try_it.check_inputs({"image": image})
    for inputs, sentence in (
        ({}, "needs a volume as its image"),
        ({"image": image, "mask": image}, "needs a segmentation as its mask"),
        ({"image": image, "picture": image}, "has no input picture; it takes image, mask"),
    ):
        with pytest.raises(Refusal, match=sentence):
            try_it.check_inputs(inputs)


Fixed = Annotated[Volume, "The image that stays."]


class Images(NamedTuple):
    """Inputs that several plugins share."""

    fixed: Fixed
    moving: Annotated[Volume, "The image that moves."]
    mask: Annotated[Segmentation | None, "Where the fixed image counts."] = None


@plugin("Share", group="Tests", outputs=("map", "moved"))
def share(
    images: Images, job: Job, *, far: Annotated[bool, "Look far."] = False, near: Annotated[bool, "Look near."] = False
) -> tuple[Transform, Volume | None]:
    """Do something with two images.

    Parameters
    ----------
    near
        Look about.
    """
    assert images.mask is None
    return Transform(np.eye(4)), images.moving if job.wants("moved") else None


def test_plugins_share_a_group_of_inputs_and_what_is_said_of_them() -> None:
    assert share.inputs == (
        Input("fixed", "volume", True, "The image that stays."),
        Input("moving", "volume", True, "The image that moves."),
        Input("mask", "segmentation", False, "Where the fixed image counts."),
    )
    assert [one.description for one in share.parameters] == ["Look far.", "Look about."]


def test_a_group_is_filled_by_place_and_by_name() -> None:
    fixed, moving = (Volume(np.zeros((2, 3, 4), np.int16), Grid.of((2, 3, 4))) for _ in range(2))
    assert share(fixed, moving, job=Job())[1] is moving
    assert share(fixed, moving, None, Job(), far=True)[1] is moving
    assert share(mask=None, moving=moving, fixed=fixed, job=Job())[1] is moving
    with pytest.raises(TypeError, match="moving"):
        share(fixed, job=Job())


def test_a_result_may_be_left_out_where_nobody_asks_for_it() -> None:
    assert share.outputs == (Output("map", "transform"), Output("moved", "volume", optional=True))
    image, job = Volume(np.zeros((2, 3, 4), np.int16), Grid.of((2, 3, 4))), Job()
    job.wanted = frozenset({"map"})
    assert share(image, image, job=job)[1] is None


def test_magicgui_makes_a_form_of_it(qtbot: Any) -> None:
    for one in try_it.parameters:
        value = {} if one.required else {"value": one.default}
        widget = create_widget(name=one.name, annotation=one.annotation, options=one.options(), **value)
        assert one.required or widget.value == one.default
        if one.name == "lower":
            assert (widget.min, widget.max, widget.step) == (-10, 10, 0.5)


def no_job(image: Volume) -> Volume: ...
def no_input(job: Job) -> Volume: ...
def odd_input(image: int, job: Job) -> Volume: ...
def odd_result(image: Volume, job: Job) -> int: ...
def twins(image: Volume, job: Job) -> tuple[Volume, Volume]: ...
def odd_parameter(image: Volume, job: Job, *, size: complex = 1j) -> Volume: ...
def odd_choice(image: Volume, job: Job, *, size: Literal[1, 2] = 1) -> Volume: ...
def odd_default(image: Volume, job: Job, *, size: Annotated[int, Range(1, 3)] = 7) -> Volume: ...


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (no_job, "then job"),
        (no_input, "one or more inputs"),
        (odd_input, "the input image must be a Volume"),
        (odd_result, "its return type"),
        (twins, "a name of its own"),
        (odd_parameter, "size is of a type that no form can show"),
        (odd_choice, "size is of a type"),
        (odd_default, "the default of size must lie between 1 and 3"),
    ],
)
def test_what_is_no_plugin_is_refused_when_it_is_declared(function: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        plugin("Odd", group="Tests")(function)


@plugin("Choose", group="Tests", outputs=("labels", "figures", "doubt"))
def choose(
    image: Volume, job: Job, *, parts: tuple[Literal["a", "b", "c"], ...] = ("a", "c"), weights: Path | None = None
) -> tuple[Segmentation, MeasurementTable, Volume | None]:
    """Some of several choices, and a file that may be left out."""
    raise NotImplementedError


def test_some_of_several_choices() -> None:
    assert choose.validate({}) == {"parts": ("a", "c"), "weights": None}
    for given in (["c", "b"], ("c", "b", "c"), "c, b"):
        assert choose.validate({"parts": given})["parts"] == ("b", "c")
    with pytest.raises(Refusal, match="one of a, b, c"):
        choose.validate({"parts": ["d"]})
    with pytest.raises(Refusal, match="at least"):
        choose.validate({"parts": []})
    parts, weights = json.loads(json.dumps([one.schema() for one in choose.parameters]))
    assert (parts["type"], parts["items"]["enum"], parts["default"]) == ("array", ["a", "b", "c"], ["a", "c"])
    assert (weights["type"], "default" in weights) == ("string", False)


def test_a_file_that_may_be_left_out() -> None:
    for nothing in (None, "", Path()):
        assert choose.validate({"weights": nothing})["weights"] is None
    assert choose.validate({"weights": "/x"})["weights"] == Path("/x")


def test_a_table_goes_with_a_segmentation_and_a_map_has_its_colours() -> None:
    assert choose.outputs == (
        Output("labels", "segmentation"),
        Output("figures", "table"),
        Output("doubt", "volume", optional=True),
    )
    with pytest.raises(TypeError, match="Segmentation"):

        @plugin("Alone", group="Tests")
        def alone(image: Volume, job: Job) -> MeasurementTable:
            raise NotImplementedError

    with pytest.raises(TypeError, match="the input table"):

        @plugin("Inverse", group="Tests")
        def inverse(table: MeasurementTable, job: Job) -> Volume:
            raise NotImplementedError
