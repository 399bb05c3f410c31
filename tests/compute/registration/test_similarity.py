"""Similarity of two images under a transform: greatest where they fit, whatever their grids, and told where none is."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.head_phantom import head_phantom
from viewer.compute.images.resample import itk_image
from viewer.compute.registration.similarity import similarity
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Volume

GRID = Grid.of((20, 24, 22), (4, 4, 4))


def head(grid: Grid, seed: int = 0, noise: float = 10.0) -> Volume:
    return Volume(
        head_phantom(grid) + np.random.default_rng(seed).normal(0, noise, grid.shape).astype(np.float32), grid
    )


def shifted(mm: float) -> Transform:
    matrix = np.eye(4)
    matrix[0, 3] = mm
    return Transform(matrix)


def test_an_image_is_like_itself():
    found = similarity(head(GRID), head(GRID))
    assert (found.ncc, found.lncc, found.mse, found.overlap) == pytest.approx((1, 1, 0, 1))
    assert found.mi > 2


@settings(max_examples=10, deadline=None)
@given(st.floats(4, 20))
def test_it_falls_with_the_distance_and_the_right_transform_brings_it_back(mm):
    fixed = head(GRID, 1)
    away = Grid.of(GRID.shape, GRID.spacing, GRID.origin + np.array((mm, 0, 0)))
    moving = Volume(head(GRID, 2).array, away)
    apart, together = similarity(fixed, moving), similarity(fixed, moving, shifted(mm))
    assert apart.ncc < together.ncc
    assert apart.mi < together.mi
    assert apart.mse > together.mse
    assert together.overlap == 1
    assert apart.overlap < 1


def test_correlation_and_error_agree_with_itk():
    fixed, moving = head(GRID, 1), head(GRID, 2)
    one, two = (itk_image(each.array, GRID) for each in (fixed, moving))
    method = sitk.ImageRegistrationMethod()
    method.SetInitialTransform(sitk.TranslationTransform(3))
    method.SetMetricAsCorrelation()
    found = similarity(fixed, moving)
    assert found.ncc**2 == pytest.approx(-method.MetricEvaluate(one, two), abs=1e-3)
    method.SetMetricAsMeanSquares()
    assert found.mse == pytest.approx(method.MetricEvaluate(one, two), rel=1e-3)


def test_mutual_information_does_not_mind_the_contrast():
    fixed, moving = head(GRID, 1), head(GRID, 2)
    inverted = moving.with_values(500 - moving.array)
    assert similarity(fixed, inverted).mi == pytest.approx(similarity(fixed, moving).mi, rel=0.05)
    assert similarity(fixed, inverted).ncc < -0.8


def test_scale_of_stored_values_and_integers_count():
    volume = head(GRID)
    stored = Volume(np.rint(volume.array * 4).astype(np.int16), GRID, slope=0.25, intercept=0.0)
    assert similarity(volume, stored).mse < 0.1


def test_large_images_are_sampled(monkeypatch):
    import viewer.compute.registration.similarity as module

    whole = similarity(head(GRID, 1), head(GRID, 2))
    monkeypatch.setattr(module, "SAMPLES", 2000)
    assert similarity(head(GRID, 1), head(GRID, 2)).ncc == pytest.approx(whole.ncc, abs=0.05)


def test_flat_and_constant_images_have_a_similarity_too():
    flat = Grid.of((1, 40, 40))
    picture = Volume(np.random.default_rng(0).random((1, 40, 40), np.float32), flat)
    assert similarity(picture, picture).ncc == pytest.approx(1)
    constant = Volume(np.ones((1, 40, 40), np.float32), flat)
    found = similarity(picture, constant)
    assert (found.ncc, found.lncc, found.mi) == (0, 0, 0)


def test_images_apart_and_in_colour_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        similarity(head(GRID), head(GRID), shifted(1e4))
    with pytest.raises(ValueError, match="colour"):
        similarity(Volume(np.zeros((2, 2, 2, 3), np.uint8), Grid.of((2, 2, 2))), head(GRID))
