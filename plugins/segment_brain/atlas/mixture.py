"""What grey values tissues have in one image: Gaussians of their logarithms, and a smooth receive field.

As in Unified Segmentation and SAMSEG (Ashburner and Friston, NeuroImage 26, 2005; Puonti et al., NeuroImage 143, 2016).
A small tissue's values are drawn to what its shares of grey and white matter make likely, so that it cannot leave for
those of a neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .tissues import GREY, TISSUES, WHITE

OWNER = torch.tensor([n for n, tissue in enumerate(TISSUES) for _ in range(tissue.components)])  # of each component
FIRST = [OWNER.tolist().index(n) for n in range(len(TISSUES))]
PAIR = [FIRST[WHITE], FIRST[GREY]]
MIXED = [FIRST[n] for n, tissue in enumerate(TISSUES) if any(other == WHITE for other, _ in tissue.like)]
STRAY = 0.01  # share of voxels that are like no tissue
LEAST_DEVIATION = 0.02  # of a logarithm
COUNT, VARIANCE = 50.0, 0.02  # voxels of that variance are added to each tissue
TIE, TIED_WIDTH = 0.3, 0.5  # how much what a tissue is likely to be like counts beside its own voxels
WIDEST = 3.0  # a deviation of matter, of the narrower one's of grey and white
ORDER, STIFFNESS = 3, 1e-4  # cosines across the box, together; what their coefficients cost
ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Mixture:
    """means, variances, weights: [components]. field: [terms] of cosines. span: of all values."""

    means: Tensor
    variances: Tensor
    weights: Tensor
    field: Tensor
    span: float

    @classmethod
    def begin(cls, values: Tensor, shares: Tensor, terms: int) -> Mixture:
        """From values [n] and what share of each tissue is there [tissues, n]."""
        means, variances, weights = (torch.ones(len(OWNER)) for _ in range(3))
        for number, (tissue, share) in enumerate(zip(TISSUES, shares, strict=True)):
            own = number == OWNER
            total = share.sum() + 1e-3
            mean = (share * values).sum() / total
            variance = (share * (values - mean).square()).sum() / total + VARIANCE / COUNT
            spread = torch.linspace(-1, 1, tissue.components) if tissue.components > 1 else torch.zeros(1)
            means[own], variances[own], weights[own] = mean + spread * variance.sqrt(), variance, 1 / tissue.components
        return cls(means, variances, weights, torch.zeros(terms), float(values.max() - values.min()))

    def fitted(self, values: Tensor, cosines: Tensor, priors: Tensor) -> Mixture:
        """By expectation and maximization: values [n], cosines [n, terms], prior shares [tissues, n]."""
        mixture, logs = self, priors.log()[OWNER]
        for _ in range(ROUNDS):
            flat = values - cosines @ mixture.field
            own = mixture._densities(flat) * (1 - STRAY)
            shares = torch.softmax((own + STRAY / self.span).log() + mixture.weights.log()[:, None] + logs, 0)
            shares *= own / (own + STRAY / self.span)
            mixture = mixture._moved(flat, shares)._flattened(values, cosines, shares)
        return mixture

    def likelihood(self, flat: Tensor) -> Tensor:
        """Of each tissue [tissues, n], by values [n] without the field."""
        each = self._densities(flat) * self.weights[:, None]
        found = torch.zeros(len(TISSUES), len(flat)).index_add_(0, OWNER, each)
        return found.mul_(1 - STRAY).add_(STRAY / self.span)

    def _densities(self, values: Tensor) -> Tensor:
        scale = (2 * torch.pi * self.variances).rsqrt()
        squares = (values - self.means[:, None]).square_()
        return squares.mul_((-0.5 / self.variances)[:, None]).exp_().mul_(scale[:, None])

    def _moved(self, values: Tensor, shares: Tensor) -> Mixture:
        """Means, variances and weights by the shares [components, n] of the values."""
        total = shares.sum(1) + 1e-3
        means = (shares @ values) / total
        _tie(means)
        squares = (shares * (values - means[:, None]).square()).sum(1)
        variances = (squares + COUNT * VARIANCE) / (total + COUNT)
        matter = (variances[PAIR] * total[PAIR]).sum() / total[PAIR].sum()
        variances[MIXED] = (variances[MIXED] + TIED_WIDTH * matter) / (1 + TIED_WIDTH)
        variances[PAIR + MIXED] = variances[PAIR + MIXED].clamp_max(WIDEST**2 * variances[PAIR].min())
        whole = torch.zeros(len(TISSUES)).index_add_(0, OWNER, total)
        weights = total / whole[OWNER]
        return replace(self, means=means, variances=variances.clamp_min(LEAST_DEVIATION**2), weights=weights)

    def _flattened(self, values: Tensor, cosines: Tensor, shares: Tensor) -> Mixture:
        """The field by which the brain's values lie nearest to the means of their tissues."""
        brain = OWNER >= WHITE
        sure = shares[brain] / self.variances[brain, None]
        weight, missing = sure.sum(0), (sure * (values - self.means[brain, None])).sum(0)
        square = (cosines * weight[:, None]).T @ cosines
        field = torch.linalg.solve(square + STIFFNESS * weight.sum() * torch.eye(len(square)), cosines.T @ missing)
        field[0] = 0.0  # what is everywhere is no field
        return replace(self, field=field)


def _tie(means: Tensor) -> None:
    for number, tissue in enumerate(TISSUES):
        if tissue.like:
            likely = sum(share * means[FIRST[other]] for other, share in tissue.like)
            means[FIRST[number]] = (means[FIRST[number]] + TIE * likely) / (1 + TIE)


def cosine_terms(where: Tensor) -> Tensor:
    """[n, terms] at places [n, 3] from 0 to 1; the first is 1 everywhere."""
    lines = [torch.cos(torch.pi * order * where) for order in range(ORDER + 1)]
    return torch.stack(
        [
            lines[a][:, 0] * lines[b][:, 1] * lines[c][:, 2]
            for a in range(ORDER + 1)
            for b in range(ORDER + 1 - a)
            for c in range(ORDER + 1 - a - b)
        ],
        1,
    )
