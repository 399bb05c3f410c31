"""The atlas fitted to one image: where its structures lie there, and which grey values they have.

SAMSEG's generative model (Puonti et al., NeuroImage 143, 2016) on a lattice of knots instead of a mesh. By turns the
grey values of the tissues are found (mixture), and the atlas is moved to where it makes what is seen likelier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viewer.api import Job, Refusal

from .atlas import HALVES, Atlas, answer_shares, load_atlas
from .mixture import Mixture, cosine_terms
from .placement import Bend, Placement, places, sample
from .tissues import OUTSIDE, TISSUE_OF, TISSUES, WHITE

Floats = NDArray[np.float32]
BLOCKS = 4  # voxels along what the atlas is first placed by
OFFSET = 0.1  # of the brain's value is added before the logarithm
GROWTHS = (1.0, 1.08, 1.16, 1.25)  # the first look may have taken the skull for brain: smaller ones are tried as well,
GAIN = 0.01  # and taken where the grey values are so much likelier, in nats a voxel
TRIED, SEEN = 12_000, 40_000  # voxels at most that are looked at while starts are tried, and then
PARTS = 3  # one of so many voxels is seen in each step
LAID, BENT, ADAPTED = (12, 12), (12, 12), (15, 15, 15)  # steps of each turn: of the affine transform, of the bend, then
RATE, TURNED = 0.6, 0.004  # mm, and share of the affine matrix, that a step moves at most
KNOTS, COST = 12.0, 3.0  # mm between knots; what a bend costs
LEAST = 1e-6  # prior share of every tissue


@dataclass(frozen=True, eq=False)
class Leaders:
    """At n places, of each tissue: its likeliest channel and the logarithm of its share [tissues, n]. field: [n].

    Channels of one tissue look alike, so which of them it is, the place alone tells.
    """

    channels: Tensor
    logs: Tensor
    field: Tensor


@dataclass(frozen=True, eq=False)
class AdaptedAtlas:
    """scale: the brain's grey value, which is 1 to the mixture. The bend's box is that of the head."""

    atlas: Atlas
    placement: Placement
    bend: Bend
    mixture: Mixture
    scale: float

    def to_atlas(self, where: Tensor) -> Tensor:
        """Places [n, 3] of the head in the atlas, from -1 to 1."""
        return self.placement(self.bend(where)) / HALVES

    def priors(self, where: Tensor) -> Tensor:
        """Shares of the tissues [tissues, n] at places [n, 3], whatever the image shows."""
        shares = sample(self.atlas.tissues, self.to_atlas(where)).clamp_min(LEAST)
        return shares / shares.sum(0)

    def likelihood(self, values: Tensor, where: Tensor) -> Tensor:
        """Of grey values [n] at places [n, 3], in each tissue [tissues, n]."""
        field = cosine_terms(where / self.bend.size) @ self.mixture.field
        return self.mixture.likelihood(logarithms(values, self.scale) - field)

    def information(self, values: Tensor, where: Tensor) -> float:
        """What the places [n, 3] tell of grey values [n], in nats a voxel: how much likelier they make them.

        Than the tissues' shares in all of them together do; about 0 where the atlas lies wrong or tissues look alike.
        """
        likely, priors = self.likelihood(values, where), self.priors(where)
        return float(((priors * likely).sum(0) / (priors.mean(1)[:, None] * likely).sum(0)).log().mean())

    def near(self, shape: tuple[int, ...], step: float) -> Tensor:
        """Which voxels [k, j, i] of `step` mm may be brain."""
        return _inside(self.atlas.rim, self.to_atlas, shape, step)

    def shares(self, where: Tensor) -> Tensor:
        """Of the channels [CHANNELS, n] at places [n, 3], whatever the image shows."""
        return sample(self.atlas.shares, self.to_atlas(where)).clamp_min_(LEAST)

    def leaders(self, shares: Tensor, where: Tensor) -> Leaders:
        """By the shares [CHANNELS, n] at places [n, 3], in each tissue: the likeliest of its channels."""
        best = [shares[list(tissue.channels)].max(0) for tissue in TISSUES]
        channels = [torch.tensor(tissue.channels)[one.indices] for tissue, one in zip(TISSUES, best, strict=True)]
        logs = torch.stack([one.values for one in best]).log_()
        return Leaders(torch.stack(channels), logs, cosine_terms(where / self.bend.size) @ self.mixture.field)

    def winners(self, leaders: Leaders, values: Tensor) -> Tensor:
        """The likeliest channel [n] of grey values [n] at the leaders, or so near that only the values differ."""
        likely = self.mixture.likelihood(logarithms(values, self.scale) - leaders.field)
        return leaders.channels.gather(0, (likely.log_() + leaders.logs).argmax(0)[None])[0]

    def posterior(self, shares: Tensor, values: Tensor, where: Tensor) -> Tensor:
        """Of each channel [CHANNELS, n], by shares and grey values [n] at places [n, 3]; 1 in sum."""
        likely = shares * self.likelihood(values, where)[TISSUE_OF]
        return likely / likely.sum(0)


@dataclass(frozen=True, eq=False)
class _Fit:
    """An atlas under way, and what is seen of the image: logarithms of grey values [n] at places [n, 3]."""

    adapted: AdaptedAtlas
    logs: Tensor
    cosines: Tensor
    where: Tensor
    rng: torch.Generator

    def likelihood(self) -> Tensor:
        mixture = self.adapted.mixture
        return mixture.likelihood(self.logs - self.cosines @ mixture.field)

    def surprise(self) -> float:
        """The mean negative logarithm of how likely it makes the values."""
        return -float((self.adapted.priors(self.where) * self.likelihood()).sum(0).log().mean())

    def mixed(self) -> _Fit:
        """With the grey values that suit where the atlas lies."""
        mixture = self.adapted.mixture.fitted(self.logs, self.cosines, self.adapted.priors(self.where))
        return replace(self, adapted=replace(self.adapted, mixture=mixture))

    def placed(self, steps: int) -> _Fit:
        """By another affine transform, under which the grey values are likelier."""
        old = self.adapted.placement
        change, shift = (one.clone().requires_grad_(True) for one in (old.change, old.shift))
        moved = replace(self.adapted, placement=Placement(old.centre, change, shift))
        self._search(moved, steps, [(change, TURNED), (shift, RATE)], 0.0)
        return replace(self, adapted=replace(moved, placement=Placement(old.centre, change.detach(), shift.detach())))

    def bent(self, steps: int) -> _Fit:
        """By another bend, under which the grey values are likelier."""
        knots = self.adapted.bend.knots.clone().requires_grad_(True)
        moved = replace(self.adapted, bend=replace(self.adapted.bend, knots=knots))
        self._search(moved, steps, [(knots, RATE)], COST)
        return replace(self, adapted=replace(moved, bend=replace(moved.bend, knots=knots.detach())))

    def _search(self, moved: AdaptedAtlas, steps: int, parts: list[tuple[Tensor, float]], cost: float) -> None:
        """Move tensors of an atlas, each by its rate at most a step, by Adam on some of the places."""
        likely = self.likelihood()
        likely /= likely.max(0).values
        search = torch.optim.Adam([{"params": [part], "lr": rate} for part, rate in parts])
        for step in range(steps):
            for group, (_, rate) in zip(search.param_groups, parts, strict=True):
                group["lr"] = rate * (1 - step / steps)
            some = torch.randint(len(self.where), (len(self.where) // PARTS,), generator=self.rng)
            value = -(moved.priors(self.where[some]) * likely[:, some]).sum(0).log().mean()
            search.zero_grad()
            (value + cost * moved.bend.strain()).backward()  # type: ignore[no-untyped-call]
            search.step()


def adapt(
    image: Floats, first: Floats, shown: NDArray[np.bool_], step: float, job: Job, span: tuple[float, float]
) -> AdaptedAtlas:
    """To an image [k, j, i] of voxels of `step` mm, as normalize makes it.

    first: what a first look says, probabilities [CLASSES + 1, k, j, i]. shown: which voxels the image holds. span: of
    the job's progress. Raises Cancelled, and Refusal where the first look found nothing or the image shows nothing.
    """
    atlas, rng, known = load_atlas(), torch.Generator().manual_seed(0), torch.from_numpy(first)
    placement = atlas.fit(answer_shares(known, BLOCKS), BLOCKS * step)
    near = _inside(atlas.reach, lambda where: placement(where) / HALVES, image.shape, step) & torch.from_numpy(shown)
    order = torch.randperm(int(near.sum()), generator=rng)[:SEEN]
    values, found = torch.from_numpy(image)[near][order], answer_shares(known[:, near][:, order])
    if not len(values) or float(values.max()) == float(values.min()):
        raise Refusal("where the brain should be the image shows nothing: choose one of a whole head.")
    where, size = (torch.nonzero(near)[order] + 0.5) * step, torch.tensor(image.shape) * step
    brain = values[found[0] < 0.5]
    scale = max(float(brain.median()), 1e-3) if len(brain) else 1.0
    logs, cosines = logarithms(values, scale), cosine_terms(where / size)
    starts, tried = [], slice(TRIED)
    for growth in GROWTHS:
        start = replace(placement, change=placement.change * growth)
        mixture = Mixture.begin(logs, _tissues_of(found, atlas, start, where), cosines.shape[1])
        adapted = AdaptedAtlas(atlas, start, Bend.none(size, KNOTS), mixture, scale)
        fit = _Fit(adapted, logs[tried], cosines[tried], where[tried], rng)
        for steps in LAID:
            fit = fit.mixed().placed(steps)
        for steps in BENT:
            fit = fit.mixed().bent(steps)
        starts.append(fit.mixed())
        job.progress(span[0] + (span[1] - span[0]) * len(starts) / (len(GROWTHS) + len(ADAPTED)))
    costs = [start.surprise() for start in starts]
    fit = starts[int(np.argmin([costs[0] - GAIN, *costs[1:]]))]
    fit = _Fit(fit.adapted, logs, cosines, where, rng).mixed()
    for turn, steps in enumerate(ADAPTED, 1 + len(GROWTHS)):
        fit = fit.bent(steps).mixed()
        job.progress(span[0] + (span[1] - span[0]) * turn / (len(GROWTHS) + len(ADAPTED)))
    return fit.adapted


def logarithms(values: Tensor, scale: float) -> Tensor:
    """Of grey values, in which a receive field is a sum."""
    return (values.clamp_min(0) / scale + OFFSET).log()


def _inside(mask: Tensor, to_atlas: Callable[[Tensor], Tensor], shape: tuple[int, ...], step: float) -> Tensor:
    """Which voxels [k, j, i] of `step` mm lie in a mask [1, *SHAPE] of the atlas."""
    where = to_atlas(places(shape, step).reshape(-1, 3))
    return ((sample(mask, where)[0] > 0.5) & (where.abs() <= 1).all(1)).view(shape)


def _tissues_of(found: Tensor, atlas: Atlas, placement: Placement, where: Tensor) -> Tensor:
    """Shares [tissues, n] of what a first look found [1 + structures, n]; those outside the brain by the atlas."""
    outside = sample(atlas.tissues[:WHITE], placement(where) / HALVES).clamp_min_(LEAST)
    shares = torch.zeros(len(TISSUES), len(where))
    shares[:WHITE] = found[0] * outside / outside.sum(0)
    return shares.index_add_(0, torch.tensor(TISSUE_OF[OUTSIDE:]), found[1:])
