"""The networks: what they are made of, and that a training makes its losses small and goes on where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from plugins.diagnose_brain_tumour import train
from plugins.diagnose_brain_tumour.backbone import CHANNELS, Backbone, SameConv, fold
from plugins.diagnose_brain_tumour.loss import generalised_iou, side_distances
from plugins.diagnose_brain_tumour.networks import TumourFinder, TypeReader
from plugins.diagnose_brain_tumour.start_weights import read_start_weights


def test_features_come_at_three_strides() -> None:
    features = Backbone()(torch.rand(2, 1, 64, 96))
    assert [tuple(one.shape[1:]) for one in features] == [
        (channels, 64 // stride, 96 // stride) for channels, stride in zip(CHANNELS, (8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize("net", [TumourFinder(), TypeReader()])
def test_frozen_part_and_answer_are_the_whole(net: TumourFinder | TypeReader) -> None:
    views, net = torch.rand(2, 1, 64, 64), net.eval()
    whole, parts = net(views), net.answer(*net.frozen(views))
    for one, other in zip(whole, parts, strict=True):
        assert torch.equal(one, other)


def test_stride_two_pads_below_and_to_the_right_only() -> None:
    conv = SameConv(1, 1, 3, 2)
    conv.weight.data.zero_()
    conv.weight.data[0, 0, 0, 0] = 1
    conv.bias.data.zero_()  # type: ignore[union-attr]
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert conv(image)[0, 0].tolist() == [[0, 2], [8, 10]]


def test_folding_does_what_normalisation_did() -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5, eps=1e-3).eval()
    for values in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        assert values is not None
        values.uniform_(0.5, 2)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fold(conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    x = torch.rand(2, 3, 8, 8)
    assert torch.allclose(nn.functional.conv2d(x, weight, bias), norm(conv(x)), atol=1e-5)


def test_start_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(KeyError):
        read_start_weights(tmp_path / "other.pth")


def test_a_box_told_from_any_cell_is_the_same_box() -> None:
    sides = side_distances(torch.tensor([[24.0, 40.0, 88.0, 120.0]]), 24)
    assert sides[0, :, 7, 5].tolist() == [44 - 24, 60 - 40, 88 - 44, 120 - 60]
    assert torch.allclose(generalised_iou(sides, sides), torch.ones(1, 24, 24))
    assert generalised_iou(sides, sides + 30)[0, 7, 5] < 0.5


def test_boxes_that_are_far_off_still_learn() -> None:
    net = TumourFinder()
    net.out.weight.data.zero_()
    net.out.bias.data[1:] = 9.0  # type: ignore[index]
    sides = net(torch.rand(1, 1, 64, 64))[1]
    assert sides.max() < 400
    sides.sum().backward()
    assert (net.out.bias.grad[1:] > 0).all()  # type: ignore[index]


def test_a_training_learns_and_goes_on_where_it_was(tmp_path: Path) -> None:
    torch.manual_seed(0)
    features, types = [torch.rand(8, 112, 8, 8)], torch.tensor([0, 1, 2, 3] * 2)

    def loss(net: nn.Module, rng: np.random.Generator) -> torch.Tensor:
        return nn.functional.cross_entropy(net.answer(*features), types)  # type: ignore[operator]

    run = train.begin(TypeReader(), tmp_path / "read-0.pt")
    frozen = run.net.state_dict()["backbone.blocks.3.project.weight"].clone()
    first = loss(run.net, np.random.default_rng(0)).item()
    train.train(run, loss, 0.05)
    assert run.steps > 3
    assert loss(run.average, np.random.default_rng(0)).item() < first
    assert torch.equal(run.net.state_dict()["backbone.blocks.3.project.weight"], frozen)
    again = train.begin(TypeReader(), tmp_path / "read-0.pt")
    assert (again.steps, again.seconds) == (run.steps, run.seconds)
    for a, b in zip(again.average.parameters(), run.average.parameters(), strict=True):
        assert torch.equal(a, b)
    train.train(again, loss, 0.05)
    assert again.steps == run.steps, "its minutes were spent"
