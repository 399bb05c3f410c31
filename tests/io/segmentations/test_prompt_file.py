"""Prompts in a JSON file: read as they are, or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from viewer.data.annotations.prompts import Prompt
from viewer.io.errors import OpenError
from viewer.io.segmentations.prompt_file import read_prompts

HEAD = {"space": "LPS", "unit": "mm"}
POINT = {"kind": "point", "points": [[1, 2.5, -3]]}


def written(path: Path, document: Any) -> Path:
    place = path / "prompts.json"
    place.write_text(document if isinstance(document, str) else json.dumps(document))
    return place


def test_prompts_are_read_as_they_are(tmp_path: Path) -> None:
    line = {"kind": "scribble", "points": [[0, 0, 0], [1, 1, 1]], "positive": False, "radius": 2}
    first, second = read_prompts(written(tmp_path, {**HEAD, "prompts": [POINT, line]})).prompts
    assert first == Prompt("point", ((1.0, 2.5, -3.0),), id=first.id)
    assert second == Prompt("scribble", ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), False, 2.0, second.id)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ({**HEAD, "prompts": []}, "no list of prompts"),
        ([], "no list of prompts"),
        ({"space": "RAS", "unit": "mm", "prompts": [POINT]}, "LPS millimetres"),
        ({**HEAD, "prompts": [POINT, {**POINT, "colour": 3}]}, "Prompt 2 has other entries"),
        ({**HEAD, "prompts": [{"kind": "point"}]}, "Prompt 1 has other entries"),
        ({**HEAD, "prompts": [{**POINT, "positive": 1}]}, "true or false"),
        ({**HEAD, "prompts": [{**POINT, "radius": "2"}]}, "a number of mm"),
        ({**HEAD, "prompts": [{**POINT, "points": [[1, 2]]}]}, "Prompt 1"),
        ({**HEAD, "prompts": [{**POINT, "points": [[1, 2, None]]}]}, "three numbers"),
        ({**HEAD, "prompts": [{**POINT, "points": [[1, 2, 10**400]]}]}, "three numbers"),
        ({**HEAD, "prompts": [{**POINT, "points": 7}]}, "three numbers"),
        ({**HEAD, "prompts": [{**POINT, "kind": ["point"]}]}, "Prompt 1"),
        ({**HEAD, "prompts": [{**POINT, "points": [[1, 2, float("nan")]]}]}, "three numbers"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(tmp_path: Path, document: Any, sentence: str) -> None:
    with pytest.raises(OpenError, match=sentence):
        read_prompts(written(tmp_path, document))
