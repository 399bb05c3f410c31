from __future__ import annotations

import pytest
import torch

from plugins.denoise import prune
from plugins.denoise.network import HaarDenoiser
from plugins.denoise.prune import network, prune_channels, shares, widths

WIDTHS = [[8], [8, 4], [4], [6], [8]]


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Of a network in which three channels of one block, and all of another's, never open."""
    monkeypatch.setattr(prune, "STEP", 1)
    torch.manual_seed(0)
    net = HaarDenoiser(hidden=WIDTHS)
    with torch.no_grad():
        net.fine[0].first.bias[[1, 4, 6]] = -1e3
        net.coarse[0].first.bias[:] = -1e3
    return net.state_dict()


def batches() -> list[torch.Tensor]:
    return [torch.randn(1, 10, 8, 8, 12, generator=torch.Generator().manual_seed(n)) for n in range(2)]


def test_dead_channels_have_no_share(weights: dict[str, torch.Tensor]) -> None:
    share = shares(network(weights, False), batches())
    assert (share["fine.0"] == 0).nonzero().flatten().tolist() == [1, 4, 6]
    assert not share["coarse.0"].any()
    assert (share["fine_again.0"] > 0).all()


def test_the_network_says_the_same_without_them(weights: dict[str, torch.Tensor]) -> None:
    net = network(weights, False)
    share = shares(net, batches())
    kept = prune_channels(weights, share)
    assert widths(kept) == [[5], [8, 4], [1], [6], [8]]
    with torch.inference_mode():
        for batch in batches():
            assert torch.allclose(network(kept, False)(batch), net(batch), atol=1e-5)


def test_blocks_keep_a_multiple_of_what_a_processor_takes(
    weights: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "STEP", 4)
    assert widths(prune_channels(weights, shares(network(weights, False), batches()))) == [[8], [8, 4], [4], [6], [8]]
