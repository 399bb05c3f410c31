"""The grey values of tissues are found in an image, with a receive field over it."""

from __future__ import annotations

import pytest
import torch

from plugins.segment_brain.atlas.mixture import FIRST, Mixture, cosine_terms
from plugins.segment_brain.atlas.tissues import FLUID, GREY, TISSUES, WHITE

MEANS = {0: -2.0, WHITE: 0.3, GREY: 0.0, FLUID: -1.2}  # logarithms


def image(field: float = 0.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values [n], cosines [n, terms] and priors [tissues, n] of four tissues; a place's prior is right in 8 of 10."""
    generator = torch.Generator().manual_seed(0)
    which = torch.tensor(list(MEANS))[torch.randint(4, (8000,), generator=generator)]
    cosines = cosine_terms(torch.rand(8000, 3, generator=generator))
    values = torch.tensor([MEANS.get(n, 0.0) for n in range(len(TISSUES))])[which]
    values += 0.05 * torch.randn(8000, generator=generator) + field * cosines[:, 1]
    priors = torch.full((len(TISSUES), 8000), 1e-6)
    for n in MEANS:
        priors[n] = torch.where(which == n, 0.8, 0.2 / 3)
    return values, cosines, priors


@pytest.mark.parametrize("field", [0.0, 0.3])
def test_means_and_the_field_are_found(field: float) -> None:
    values, cosines, priors = image(field)
    mixture = Mixture.begin(values, priors, cosines.shape[1])
    for _ in range(4):
        mixture = mixture.fitted(values, cosines, priors)
    for n, mean in MEANS.items():
        assert float(mixture.means[FIRST[n]]) == pytest.approx(mean, abs=0.05)
        assert float(mixture.variances[FIRST[n]].sqrt()) == pytest.approx(0.05, abs=0.04)
    assert float(mixture.field[1]) == pytest.approx(field, abs=0.05)
    likely = mixture.likelihood(values - cosines @ mixture.field) * priors
    assert float((likely.argmax(0) == priors.argmax(0)).float().mean()) > 0.97


def test_a_tissue_without_voxels_is_drawn_to_what_it_is_like() -> None:
    values, cosines, priors = image()
    mixture = Mixture.begin(values, priors, cosines.shape[1]).fitted(values, cosines, priors)
    thalamus = next(n for n, tissue in enumerate(TISSUES) if tissue.like == ((GREY, 0.6), (WHITE, 0.4)))
    assert -0.1 < float(mixture.means[FIRST[thalamus]]) < 0.4


def test_matter_cannot_take_in_all_values() -> None:
    values, cosines, priors = image()
    priors[GREY] = 0.2  # everywhere
    mixture = Mixture.begin(values, priors, cosines.shape[1]).fitted(values, cosines, priors)
    deviations = mixture.variances.sqrt()
    assert float(deviations[FIRST[GREY]]) <= 3 * float(deviations[FIRST[WHITE]]) + 1e-6
