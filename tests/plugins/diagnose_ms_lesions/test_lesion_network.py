"""The network, its loss and its training, on lesions that a threshold finds."""

from __future__ import annotations

import numpy as np
import torch

from plugins.diagnose_ms_lesions import train
from plugins.diagnose_ms_lesions.brain_image import brain_places, inputs, relative_values
from plugins.diagnose_ms_lesions.network import LesionNet


def test_a_new_network_says_that_nothing_is_a_lesion() -> None:
    torch.manual_seed(0)
    logits = LesionNet((8, 8, 8))(torch.randn(1, 4, 16, 24, 32))
    assert logits.shape == (1, 1, 16, 24, 32)
    assert logits.max() < 0


def test_what_does_not_count_has_no_part_in_the_loss() -> None:
    logits, targets = torch.zeros(1, 1, 8, 8, 8), torch.zeros(1, 2, 8, 8, 8)
    targets[:, 1, :4] = 1
    targets[:, 0, :2] = 1
    value = train.lesion_loss(logits, targets)
    logits[:, :, 4:] = 50.0
    assert torch.allclose(train.lesion_loss(logits, targets), value)
    logits[:, :, :2] = 5.0
    assert train.lesion_loss(logits, targets) < value


def test_it_learns_what_is_bright() -> None:
    torch.manual_seed(0)
    net, rng = LesionNet((8, 8, 8)), np.random.default_rng(0)
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    values = []
    for _ in range(60):
        image = rng.standard_normal((2, 4, 16, 16, 16)).astype(np.float32) * 0.2
        image[:, 0, 4:8, 4:8, 4:8] += 3
        targets = np.stack([image[:, 0] > 1.5, np.ones_like(image[:, 0])], 1).astype(np.float32)
        loss = train.lesion_loss(net(torch.from_numpy(image)), torch.from_numpy(targets))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert values[-1] < 0.5 * values[0]


def test_values_are_multiples_of_the_brains_median() -> None:
    seen = relative_values(np.array([0.0, 100.0, 200.0, 1e4], np.float32), 100.0)
    assert seen.tolist() == [-2, 0, 2, 6]


def test_left_and_right_are_seen_alike_and_nothing_outside_the_brain() -> None:
    at = np.stack(np.meshgrid(*(np.arange(9, dtype=np.float32),) * 3, indexing="ij"))
    places = brain_places(at, np.zeros(3, np.float32), np.full(3, 8, np.float32))
    assert np.allclose(places[2], places[2][..., ::-1])
    assert (places[0, 0] == -1).all()
    assert (places[0, 8] == 1).all()
    brain = np.zeros((9,) * 3, bool)
    brain[3:6] = True
    seen = inputs(np.ones((9,) * 3, np.float32), brain, places)
    assert (seen[0][brain] == 1).all()
    assert (seen[0][~brain] == -2).all()
