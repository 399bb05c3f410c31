"""Prompts, and masks as text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from viewer.data.annotations.packed_mask import pack_mask, unpack_mask
from viewer.data.annotations.prompts import Prompt
from viewer.data.box import whole_box

ORIGIN = (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("kind", "count", "radius", "sentence"),
    [
        ("circle", 1, 0.0, "not 'circle'"),
        ("point", 0, 0.0, "1 to 1 places, not 0"),
        ("box", 3, 0.0, "4 to 4 places, not 3"),
        ("lasso", 2, 0.0, "3 to 10000 places"),
        ("scribble", 10_001, 1.0, "not 10001"),
        ("point", 1, -1.0, "0 or more"),
        ("point", 1, math.nan, "numbers"),
    ],
)
def test_a_prompt_that_is_none_is_refused(kind: str, count: int, radius: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Prompt(kind, (ORIGIN,) * count, radius=radius)


def test_places_are_finite() -> None:
    with pytest.raises(ValueError, match="three numbers"):
        Prompt("point", ((0.0, math.inf, 0.0),))


@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=12)))
def test_a_packed_mask_comes_back(mask: np.ndarray) -> None:
    again, found = np.zeros_like(mask), unpack_mask(pack_mask(mask))
    if found is not None:
        again[found[0]] = found[1]
    assert np.array_equal(again, mask)


def test_a_full_mask_keeps_its_box() -> None:
    mask = np.ones((2, 3, 4), bool)
    assert unpack_mask(pack_mask(mask))[0] == whole_box(mask.shape)


@given(st.text(alphabet="0123456789 aZ=+/-", max_size=60))
def test_a_text_that_is_no_mask_is_refused(text: str) -> None:
    if text:
        with pytest.raises(ValueError, match="mask"):
            unpack_mask(text)


@pytest.mark.parametrize("box", ["0 0 0 9 9 9", "0 0 0 0 1 1", "0 0 0 9999999 9999999 9999999", "0 0 -1 2 2 2"])
def test_a_mask_of_another_size_than_its_box_is_refused(box: str) -> None:
    data = pack_mask(np.ones((2, 2, 2), bool)).rpartition(" ")[2]
    with pytest.raises(ValueError, match="mask"):
        unpack_mask(f"{box} {data}")
