"""Fields of a deformation: made fit for steps where they come near to folding, and begun by a search."""

from __future__ import annotations

import pytest
import torch

from plugins.register.classical.convex import COUPLING, _optimize_coupled, _smooth
from plugins.register.classical.greedy import LEAST, jacobian_determinant, remove_folds
from viewer.api import Cancelled


def test_a_field_that_folds_is_smoothed_until_it_does_not() -> None:
    torch.manual_seed(0)
    wild = 3 * torch.randn(3, 9, 10, 11)
    assert float(jacobian_determinant(wild).min()) < 0
    assert float(jacobian_determinant(remove_folds(wild)).min()) >= LEAST


def test_a_field_that_does_not_fold_stays() -> None:
    torch.manual_seed(0)
    calm = 0.05 * torch.randn(3, 9, 10, 11)
    assert torch.equal(remove_folds(calm), calm)


def costs() -> tuple[torch.Tensor, torch.Tensor, tuple[int, int, int]]:
    """Of 27 displacements in the cells of a small lattice."""
    torch.manual_seed(0)
    steps = torch.arange(-1.0, 2)
    return torch.rand(27, 6 * 7 * 8), torch.cartesian_prod(steps, steps, steps), (6, 7, 8)


def test_the_coupled_choice_is_the_best_of_all_moves_in_every_cell() -> None:
    cost, moves, shape = costs()
    field = _smooth(moves[cost.argmin(0)].T.reshape(3, *shape))
    unit = float(cost.std(dim=0).mean() / 3)
    for share in COUPLING:
        away = (moves[:, :, None] - field.reshape(1, 3, -1)).square().sum(1)
        field = _smooth(moves[(cost + share * unit * away).argmin(0)].T.reshape(3, *shape))
    assert torch.allclose(_optimize_coupled(cost, moves, shape, lambda part: None), field, atol=1e-6)


def test_the_coupled_choice_hears_a_cancel() -> None:
    def cancel(part: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        _optimize_coupled(*costs(), cancel)
