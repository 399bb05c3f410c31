from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from fixtures.model_card import write_model
from safetensors.torch import save

from plugins.segment_prompt.network import PromptNet, _depth_to_space, _space_to_depth
from plugins.segment_prompt.prompt_channels import CHANNELS, CLASSICAL
from viewer.compute.networks.model_cards import card_network, find_card
from viewer.settings import models_folder

WIDTHS = (8, 8, 8)


def test_every_voxel_comes_back_where_it_was() -> None:
    image = torch.randn(2, 1, 8, 16, 24)
    assert torch.equal(_depth_to_space(_space_to_depth(image)), image)


def test_an_untrained_network_says_what_the_methods_without_training_say() -> None:
    torch.manual_seed(0)
    inputs = torch.rand(2, len(CHANNELS), 16, 24, 32)
    classical = (torch.rand(2, 1, 16, 24, 32) > 0.5).float()
    inputs[:, CLASSICAL] = classical
    logits = PromptNet(WIDTHS)(inputs)
    assert logits.shape == (2, 1, 16, 24, 32)
    assert torch.equal(logits > 0, classical > 0.5)


def test_every_weight_gets_a_gradient_after_a_step() -> None:
    torch.manual_seed(0)
    net = PromptNet(WIDTHS)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):  # the blocks' last weights are zero at first and let nothing through
        optimiser.zero_grad()
        net(torch.randn(1, len(CHANNELS), 16, 16, 16)).square().mean().backward()
        optimiser.step()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in net.parameters())


def test_it_has_the_size_that_two_cores_can_bear() -> None:
    assert 1e6 < sum(one.numel() for one in PromptNet().parameters()) < 2.5e6


def test_its_weights_load_by_their_card(home: Path) -> None:
    torch.manual_seed(0)
    net = PromptNet(WIDTHS).eval()
    weights = save(net.state_dict())
    network = {"class": "plugins.segment_prompt.network:PromptNet", "arguments": {"widths": list(WIDTHS)}}
    write_model(
        models_folder(), "prompted", weights, sha256=hashlib.sha256(weights).hexdigest(), network=network, labels={}
    )
    inputs = torch.rand(1, len(CHANNELS), 16, 16, 16)
    assert torch.equal(card_network(find_card("prompted"))(inputs), net(inputs))
