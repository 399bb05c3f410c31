"""Provenance: goes through JSON unchanged; what is unknown or missing is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.provenance import Provenance

parameters = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()))


@given(st.text(), parameters, st.lists(st.text()), st.booleans())
def test_it_goes_through_json(plugin: str, chosen: dict[str, object], inputs: list[str], learned: bool) -> None:
    made = Provenance(plugin, "1.0", "0.1", chosen, tuple(inputs), learned=learned, seconds=2.5)
    assert Provenance.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    "change", [{"plugin": None, "gone": True}, {"surprise": 1}], ids=["a field is missing", "a field is unknown"]
)
def test_another_document_is_refused(change: dict[str, object]) -> None:
    document = Provenance("denoise", "1", "0.1").to_json() | change
    if document.pop("gone", False):
        del document["plugin"]
    with pytest.raises(TypeError):
        Provenance.from_json(document)
