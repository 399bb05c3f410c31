"""The atlas finds its way onto heads that are moved, turned, scaled or mirrored."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from plugins.segment_brain.atlas import (
    CLASSES,
    FILE,
    LABELS,
    LAYOUT,
    LEAST,
    MIRROR,
    SHAPE,
    STEP,
    Placement,
    answer_shares,
    channel_table,
    label_shares,
    load_atlas,
    mirrored,
    places,
)
from plugins.segment_brain.labels import numbers
from viewer.api import Refusal
from viewer.files.checksum import sha256_of

HEAD = (24, 28, 24)  # voxels of 8 mm


def head_of(placement: Placement) -> torch.Tensor:
    """Shares [LABELS, *HEAD] of a head that the atlas would be laid over so."""
    grid = placement(places(HEAD, 8.0)) / (torch.tensor(SHAPE) * STEP / 2)
    shares = torch.nn.functional.grid_sample(load_atlas().shares[None], grid.flip(-1)[None], align_corners=False)[0]
    shares[0] += 1 - shares.sum(0)
    return shares


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
    empty = torch.zeros(LABELS, *HEAD)
    empty[0] = 1
    with pytest.raises(Refusal, match="no brain"):
        load_atlas().fit(empty, 8.0)


def test_the_prior_is_what_the_atlas_says_where_it_lies() -> None:
    atlas = load_atlas()
    still = Placement(torch.tensor(SHAPE) * STEP / 2, torch.eye(3), torch.zeros(3))
    prior = atlas.prior(still, SHAPE, STEP)
    left = torch.tensor([side == 1 for _, side in LAYOUT])
    white = [n for n, (number, _) in enumerate(LAYOUT) if number == 1]
    expected = atlas.shares.clamp_min(LEAST)
    assert torch.allclose(prior[1].exp(), expected[white].sum(0), atol=1e-4)
    sure = expected[left].sum(0) > 0.5
    assert (prior[CLASSES][sure] > 0).all()
    assert torch.allclose(torch.from_numpy(mirrored(mirrored(prior.numpy()))), prior)
    far = atlas.prior(Placement(torch.full((3,), 1e4), torch.eye(3), torch.zeros(3)), (2, 2, 2), STEP)
    assert (far[0] > far[1:CLASSES].amax(0)).all()  # nothing of the brain lies beyond it


def test_it_is_its_own_mirror_image() -> None:
    shares = load_atlas().shares
    assert torch.allclose(shares, shares[MIRROR].flip(-1), atol=0.02)
    assert torch.allclose(shares.sum(0), torch.ones(SHAPE), atol=1e-5)


def test_labels_and_answers_are_told_by_their_channels() -> None:
    labels = np.zeros((4, 4, 8), np.uint16)
    labels[..., :4], labels[..., 4:] = 10, 49  # the thalamus, left and right
    shares = label_shares(labels, 4)
    assert shares.shape == (LABELS, 1, 1, 2)
    assert shares[:, 0, 0, 0].argmax() == channel_table()[10]
    assert shares[:, 0, 0, 1].argmax() == channel_table()[49]
    assert len({int(channel_table()[number]) for number, _, _ in numbers()}) == LABELS - 1
    number, side = LAYOUT[channel_table()[49]]
    answer = np.zeros((CLASSES + 1, 1, 1, 1), np.float32)
    answer[number] = 1
    assert side == 2
    assert answer_shares(answer)[channel_table()[49], 0, 0, 0] == 1
    assert answer_shares(answer)[channel_table()[10], 0, 0, 0] == 0


def test_a_disturbed_place_is_near_the_true_one() -> None:
    true = Placement(torch.zeros(3), torch.eye(3), torch.zeros(3))
    rng, where = np.random.default_rng(0), 60 * torch.eye(3)
    errors = [torch.linalg.norm(true.disturbed(rng, 0.02, 2.0)(where) - where, dim=-1).mean() for _ in range(50)]
    assert 1 < float(torch.stack(errors).mean()) < 8


def test_its_card_tells_the_file_that_is_there() -> None:
    card = json.loads(FILE.with_name("card.json").read_text())
    assert card["sha256"] == sha256_of(FILE)
    assert card["file"] == FILE.name
