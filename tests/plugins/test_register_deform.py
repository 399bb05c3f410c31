"""Fields of a deformation: made fit for steps where they come near to folding."""

from __future__ import annotations

import torch

from plugins.register.deform import LEAST, jacobian, unfolded


def test_a_field_that_folds_is_smoothed_until_it_does_not() -> None:
    torch.manual_seed(0)
    wild = 3 * torch.randn(3, 9, 10, 11)
    assert float(jacobian(wild).min()) < 0
    assert float(jacobian(unfolded(wild)).min()) >= LEAST


def test_a_field_that_does_not_fold_stays() -> None:
    torch.manual_seed(0)
    calm = 0.05 * torch.randn(3, 9, 10, 11)
    assert torch.equal(unfolded(calm), calm)
