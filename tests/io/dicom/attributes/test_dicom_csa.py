"""Siemens' private header: both layouts, and damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.csa_header import csa_header
from viewer.io.dicom.attributes.siemens_csa import csa_numbers, csa_texts


@pytest.mark.parametrize("old", [False, True])
def test_both_layouts_of_the_csa_header(old: bool) -> None:
    tags = {"A": ["1"], "B_value": ["1000"], "SliceNormalVector": ["0.1", "-0.2", "0.97"], "Empty": []}
    data = csa_header(tags, old=old)
    assert csa_numbers(data, "B_value") == (1000,)
    assert csa_numbers(data, "SliceNormalVector") == (0.1, -0.2, 0.97)
    assert csa_texts(data, "Empty") == csa_texts(data, "Missing") == ()


@given(st.data())
def test_a_damaged_csa_header_raises_nothing(data: st.DataObject) -> None:
    whole = csa_header({"A": ["1"], "B_value": ["1000"], "C": ["x" * 40, "y"]})
    cut = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 8)) if cut else 0):
        cut[data.draw(st.integers(0, len(cut) - 1))] = data.draw(st.integers(0, 255))
    for name in ("A", "B_value", "C"):
        csa_texts(bytes(cut), name)
        csa_numbers(bytes(cut), name)
