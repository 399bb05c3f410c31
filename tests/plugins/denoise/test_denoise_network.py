from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from plugins.denoise import haar_transform
from plugins.denoise.network import HaarDenoiser

WIDTHS, HIDDEN = (8, 8, 8), ((8,), (4,), (4,), (4,), (8,))


@pytest.mark.parametrize("strides", [haar_transform.SOLID, haar_transform.FLAT])
def test_the_haar_transform_is_orthonormal(strides: haar_transform.Strides) -> None:
    rows = haar_transform.matrix(strides)
    assert np.allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-6)
    assert (rows[0] > 0).all()


@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    st.sampled_from([haar_transform.SOLID, haar_transform.FLAT]),
    st.integers(0, 99),
)
def test_the_inverse_gives_the_image_back(
    sides: tuple[int, int, int], strides: haar_transform.Strides, seed: int
) -> None:
    shape = tuple(n * step for n, step in zip(sides, strides, strict=True))
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    bands = haar_transform.forward(image, strides)
    assert bands.shape[1:] == sides
    assert np.allclose(haar_transform.inverse(bands, strides), image, atol=1e-5)
    assert np.sum(bands**2) == pytest.approx(np.sum(image**2), rel=1e-4)


@pytest.mark.parametrize("strides", [haar_transform.SOLID, haar_transform.FLAT])
def test_a_shift_of_all_values_is_not_seen(strides: haar_transform.Strides) -> None:
    """Hounsfield units begin at -1024, stored ones at 0: the network must not care."""
    image = np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32)
    here, there = (haar_transform.channels(image + shift, False, strides) for shift in (np.float32(0), np.float32(300)))
    assert np.allclose(here, there, atol=1e-3)


def test_only_rician_noise_is_told_the_level() -> None:
    image = np.full((8, 8, 8), 4, np.float32)
    level, flag = haar_transform.channels(image, True, haar_transform.SOLID)[-2:]
    assert np.allclose(level, 0.5)
    assert np.allclose(flag, 1)
    assert not haar_transform.channels(image, False, haar_transform.SOLID)[-2:].any()


@pytest.mark.parametrize(("flat", "shape"), [(False, (8, 12, 16)), (True, (5, 12, 16)), (True, (1, 4, 4))])
def test_the_shape_stays(flat: bool, shape: tuple[int, int, int]) -> None:
    bands = 4 if flat else 8
    net = HaarDenoiser(flat, WIDTHS, HIDDEN).eval()
    with torch.no_grad():
        assert net(torch.randn(2, bands + 2, *shape)).shape == (2, bands, *shape)
