"""The analytic slopes of the metrics against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.register.classical.lattice import Lattice, Sampler, central_differences
from plugins.register.classical.linear import generators
from plugins.register.classical.metrics import Joint, LocalCorrelation, MeanSquares, mutual_information
from plugins.register.classical.mind import descriptors


def images() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    fixed = torch.rand(1, 12, 13, 14)
    return fixed, 0.6 * fixed + 0.4 * torch.rand_like(fixed)


@pytest.mark.parametrize("name", ["squares", "local", "local still", "mutual", "joint"])
def test_slopes_point_where_the_metric_rises(name: str) -> None:
    """Along a random direction the slope says how the value changes, up to one factor for all directions."""
    fixed, moving = images()
    metric = {
        "squares": lambda: MeanSquares(fixed),
        "local": lambda: LocalCorrelation(fixed),
        "local still": lambda: LocalCorrelation(fixed, still=True),
        "mutual": lambda: mutual_information(fixed, moving),
        "joint": lambda: Joint([(MeanSquares(fixed), 1, 1.0)]),
    }[name]()
    slope = metric.evaluate(moving)[1]()
    ratios = []
    for seed in range(6):
        torch.manual_seed(seed)
        way = torch.randn_like(moving) * 0.3 + slope / slope.std()
        way -= way.mean()  # a metric of normalised images does not feel a shift
        ahead, behind = (metric.evaluate(moving + sign * 1e-3 * way)[0] for sign in (1, -1))
        ratios.append((ahead - behind) / float((slope * way).sum()))
    assert min(ratios) > 0
    assert np.std(ratios) < 0.1 * np.mean(ratios)


def test_identical_images_are_most_alike() -> None:
    fixed, moving = images()
    for metric in (MeanSquares(fixed), LocalCorrelation(fixed), LocalCorrelation(fixed, still=True)):
        assert metric.evaluate(fixed)[0] > metric.evaluate(moving)[0]
    assert LocalCorrelation(fixed, still=True).evaluate(fixed)[0] == pytest.approx(1, abs=1e-4)


def test_descriptors_are_the_same_in_every_contrast() -> None:
    fixed, _ = images()
    there = descriptors(3 - 2 * fixed)
    assert there.shape == (12, 12, 13, 14)
    assert torch.allclose(descriptors(fixed), there, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(24, 40)] * 3), st.floats(1.5, 4))
def test_shrinking_keeps_the_outer_faces_and_a_ramp(shape: tuple[int, int, int], mm: float) -> None:
    affine = np.diag([1.0, 1.2, 0.9, 1])
    ramp = torch.arange(shape[2], dtype=torch.float32).expand(1, *shape).contiguous()
    small = Lattice(ramp, affine).downsample(mm)
    for corner in ((0, 0, 0), (1, 1, 1)):
        ends = [one.affine @ [*(np.array(one.shape) * corner - 0.5), 1] for one in (Lattice(ramp, affine), small)]
        assert np.allclose(*ends)
    middle = [n // 2 for n in small.shape]
    at = np.linalg.inv(affine) @ small.affine @ [*middle, 1]
    assert float(small.values[0][tuple(middle)]) == pytest.approx(at[2], abs=0.75)


def test_sampling_and_slopes_of_a_ramp() -> None:
    ramp = torch.arange(10, dtype=torch.float32).expand(1, 6, 8, 10).contiguous()
    between = np.eye(4)
    between[2, 3] = 0.5
    sampler = Sampler(ramp, between, (6, 8, 10))
    assert torch.allclose(sampler()[0, 2, 3, :9], torch.arange(9) + 0.5, atol=1e-5)
    assert torch.allclose(sampler.inside()[0, 2, 3], torch.tensor([1.0] * 9 + [0.5]), atol=1e-4)
    assert torch.allclose(central_differences(ramp)[2], torch.ones_like(ramp), atol=1e-5)
    assert float(central_differences(ramp)[:2].abs().max()) == 0


@pytest.mark.parametrize(("kind", "count", "flat"), [("rigid", 6, 3), ("similarity", 7, 4), ("affine", 12, 6)])
def test_generators_of_every_freedom(kind: str, count: int, flat: int) -> None:
    centre = np.array([10.0, 20, 30])
    assert len(generators(kind, centre, 50)) == count
    normal = np.array([0.0, 0.6, 0.8])
    inside = generators(kind, centre, 50, normal)
    assert len(inside) == flat
    assert np.linalg.matrix_rank(inside.reshape(flat, 16)) == flat
    for one in inside:
        assert normal @ (one @ [1, 2, 3, 1])[:3] == pytest.approx(0, abs=1e-12)
    if kind == "rigid":
        assert all(np.allclose(one[:3, :3], -one[:3, :3].T) for one in inside)
