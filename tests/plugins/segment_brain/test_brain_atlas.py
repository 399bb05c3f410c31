"""The atlas finds its way onto heads that are moved, turned, scaled or bent."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch.nn import functional

from plugins.segment_brain.atlas.atlas import (
    FILE,
    HALVES,
    SHAPE,
    STEP,
    answer_shares,
    label_shares,
    load_atlas,
)
from plugins.segment_brain.atlas.placement import Bend, Placement, places, sample
from plugins.segment_brain.atlas.tissues import CHANNELS, LAYOUT, MIRROR, OUTSIDE, TISSUES, channel_table, class_shares
from plugins.segment_brain.labels import CLASSES, numbers
from viewer.api import Refusal
from viewer.files.checksum import sha256_of

HEAD = (24, 28, 24)  # voxels of 8 mm


def head_of(placement: Placement) -> torch.Tensor:
    """Shares [1 + structures, *HEAD] of a head that the atlas would be laid over so."""
    where = placement(places(HEAD, 8.0).reshape(-1, 3)) / HALVES
    shares = sample(load_atlas().shares, where)[OUTSIDE:].view(-1, *HEAD)
    return torch.cat([1 - shares.sum(0, keepdim=True), shares])


@pytest.mark.parametrize(("degrees", "mm", "scale"), [(0, 0, 1.0), (12, 10, 1.1), (-15, -12, 0.9)])
def test_it_is_laid_over_a_head_that_is_moved(degrees: float, mm: float, scale: float) -> None:
    change = torch.tensor(Rotation.from_euler("xyz", (degrees, -degrees / 2, degrees / 3), degrees=True).as_matrix())
    true = Placement(torch.tensor(HEAD) * 4.0, change.float() * scale, torch.tensor([mm, mm / 2, -mm]))
    head = head_of(true)
    found = load_atlas().fit(head, 8.0)
    where = places(HEAD, 8.0)[head[0] < 0.5]
    error = torch.linalg.norm(found(where) - true(where), dim=-1)
    assert float(error.mean()) < 1.5
    assert torch.allclose(found.inverse(found(where)), where, atol=1e-2)


def test_nothing_cannot_be_laid_over() -> None:
    empty = torch.zeros(1 + CHANNELS - OUTSIDE, *HEAD)
    empty[0] = 1
    with pytest.raises(Refusal, match="no brain"):
        load_atlas().fit(empty, 8.0)


def test_a_bend_is_undone_by_its_inverse_and_costs_what_it_strains() -> None:
    size = torch.tensor([120.0, 132.0, 96.0])
    none = Bend.none(size, 12.0)
    assert none.knots.shape == (3, 11, 12, 9)
    where = places((8, 8, 8), 9.0).reshape(-1, 3)
    assert torch.equal(none(where), where)
    assert float(none.strain()) == 0
    knots = functional.interpolate(3 * torch.randn(1, 3, 3, 3, 3), none.knots.shape[1:], mode="trilinear")[0]
    bend = Bend(knots, size)
    assert torch.allclose(bend(bend.inverse(where)), where, atol=0.05)
    ramp = Bend(torch.linspace(0, 12, 11).view(1, -1, 1, 1) * torch.tensor([1.0, 0, 0]).view(3, 1, 1, 1), size)
    ramp = Bend(ramp.knots.expand(3, 11, 12, 9), size)
    assert float(ramp.strain()) == pytest.approx(0.1**2 / 3)  # 1 mm each 10 mm, in one of three directions
    assert float(ramp.shift(torch.tensor([[60.0, 1, 1]]))[0, 0]) == pytest.approx(6)


def test_places_are_sampled_alike_however_many_they_are() -> None:
    channels, where = torch.rand(3, 4, 5, 6), torch.rand(7, 3) * 2 - 1
    whole = sample(channels, where)
    assert whole.shape == (3, 7)
    assert torch.allclose(whole[:, :3], sample(channels, where[:3]))
    middle = sample(channels, torch.tensor([[-0.75, -0.8, -5 / 6]]))  # of the first voxel
    assert torch.allclose(middle[:, 0], channels[:, 0, 0, 0], atol=1e-6)


def test_it_is_its_own_mirror_image() -> None:
    shares = load_atlas().shares
    assert torch.allclose(shares, shares[MIRROR].flip(-1), atol=0.02)
    assert torch.allclose(shares.sum(0), torch.ones(SHAPE), atol=1e-5)


def test_every_channel_belongs_to_one_tissue() -> None:
    each = sorted(channel for tissue in TISSUES for channel in tissue.channels)
    assert each == list(range(CHANNELS))
    assert torch.allclose(load_atlas().tissues.sum(0), torch.ones(SHAPE), atol=1e-5)


def test_what_may_be_brain_lies_within_what_is_looked_at() -> None:
    atlas = load_atlas()
    brain = atlas.shares[OUTSIDE:].sum(0) > 0.5
    assert bool(atlas.rim[0][brain].all())
    assert bool(atlas.reach[0][atlas.rim[0] > 0].all())
    assert float(brain.sum()) * STEP**3 / 1000 == pytest.approx(1400, abs=350)  # ml


def test_labels_and_answers_are_told_by_their_channels() -> None:
    labels = np.zeros((4, 4, 8), np.uint16)
    labels[..., :4], labels[..., 4:] = 10, 49  # the thalamus, left and right
    shares = label_shares(labels, 4)
    assert shares.shape == (CHANNELS, 1, 1, 2)
    assert shares[:, 0, 0, 0].argmax() == channel_table()[10]
    assert shares[:, 0, 0, 1].argmax() == channel_table()[49]
    assert channel_table()[515] != channel_table()[511] != 0  # bone, skin
    assert len({int(channel_table()[number]) for number, _, _ in numbers()}) == CHANNELS - OUTSIDE
    number, side = LAYOUT[channel_table()[49]]
    answer = torch.zeros(CLASSES + 1, 4, 4, 4)
    answer[number] = 1
    assert side == 2
    for found in (answer_shares(answer), answer_shares(answer, 4)):
        assert found[1 + channel_table()[49] - OUTSIDE].eq(1).all()
        assert found[1 + channel_table()[10] - OUTSIDE].eq(0).all()


def test_classes_are_the_channels_without_their_side() -> None:
    shares = np.zeros((CHANNELS, 2), np.float32)
    shares[channel_table()[10], 0], shares[channel_table()[49], 0], shares[0, 0] = 0.6, 0.2, 0.2
    shares[channel_table()[16], 1] = 1
    answer = class_shares(shares)
    assert answer[:CLASSES].sum(0) == pytest.approx(1)
    assert answer[LAYOUT[channel_table()[10]][0], 0] == pytest.approx(0.8)
    assert answer[CLASSES] == pytest.approx((0.75, 0.5), abs=1e-4)  # the brain stem has no side


def test_its_card_tells_the_file_that_is_there() -> None:
    card = json.loads(FILE.with_name("card.json").read_text())
    assert card["sha256"] == sha256_of(FILE)
    assert card["file"] == FILE.name
