from __future__ import annotations

import numpy as np
import pytest
import torch

from plugins.denoise.network import HaarDenoiser, haar

SMALL = (8, 8, 8)


@pytest.mark.parametrize("axes", [(2, 2, 2), (1, 2, 2)])
def test_the_haar_filters_are_orthonormal(axes: tuple[int, int, int]) -> None:
    rows = haar(axes).flatten(1)
    assert torch.allclose(rows @ rows.T, torch.eye(len(rows)), atol=1e-6)
    assert (rows[0] > 0).all()


@pytest.mark.parametrize(("flat", "shape"), [(False, (16, 24, 32)), (True, (5, 24, 32)), (True, (1, 8, 8))])
def test_the_shape_stays(flat: bool, shape: tuple[int, int, int]) -> None:
    net = HaarDenoiser(flat, SMALL, 1).eval()
    with torch.no_grad():
        assert net(torch.randn(2, 2, *shape)).shape == (2, 1, *shape)


@pytest.mark.parametrize("flat", [False, True])
def test_a_shift_of_all_values_shifts_the_result(flat: bool) -> None:
    """Hounsfield units begin at −1024, stored ones at 0: the network must not care."""
    torch.manual_seed(0)
    net = HaarDenoiser(flat, SMALL, 1).eval()
    image = torch.randn(1, 1, 16, 16, 16)
    gaussian = torch.zeros_like(image)
    with torch.no_grad():
        here, there = (net(torch.cat([image + shift, gaussian], 1)) for shift in (0.0, 300.0))
    assert torch.allclose(here + 300, there, atol=2e-3)


def test_it_can_say_any_noise() -> None:
    """What the head says in bands comes out as an image: the inverse transform is the forward one's."""
    bands = torch.nn.functional.conv3d(noise := torch.randn(1, 1, 8, 8, 8), haar((2, 2, 2)), stride=2)
    back = torch.nn.functional.conv_transpose3d(bands, haar((2, 2, 2)), stride=2)
    assert np.allclose(back, noise, atol=1e-5)
