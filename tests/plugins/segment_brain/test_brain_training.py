"""The network, what it is asked for, and that a training goes on where it was."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from plugins.segment_brain import train
from plugins.segment_brain.labels import CLASSES, OUTPUTS
from plugins.segment_brain.loss import dice_loss, loss
from plugins.segment_brain.network import SubvoxelUNet, from_blocks, to_blocks
from plugins.segment_brain.samples.head_samples import Sample
from plugins.training.training_state import read_training_state, write_training_state


def small(outputs: int = OUTPUTS) -> SubvoxelUNet:
    torch.manual_seed(0)
    return SubvoxelUNet(1, outputs, (8, 8, 8))


def halves() -> Sample:
    """White matter with a side each, and nothing around it."""
    classes, sides = (torch.zeros((16, 16, 16), dtype=torch.uint8) for _ in range(2))
    classes[4:12, 4:12, 4:12] = 1
    sides[4:12, 4:12, 4:8], sides[4:12, 4:12, 8:12] = 2, 1
    return Sample(classes[None, None].float(), classes, sides)


def test_blocks_lead_back_to_voxels() -> None:
    x = torch.arange(2 * 3 * 4 * 6 * 8).reshape(2, 3, 4, 6, 8)
    assert torch.equal(from_blocks(to_blocks(x), 3), x)
    assert to_blocks(x)[0, :3, 0, 0, 0].tolist() == x[0, :, 0, 0, 0].tolist()


def test_the_head_tells_chosen_blocks_what_it_tells_all() -> None:
    net, image = small(5).eval(), torch.rand(1, 1, 16, 24, 8)
    chosen = net.logits(net.features(image)[0].flatten(1).T[[7, 3]])
    every = to_blocks(net(image))[0].flatten(1).T.reshape(-1, 8, 5)
    assert torch.allclose(chosen, every[[7, 3]], atol=1e-5)


def test_one_image_is_normalized_alike_in_training_and_after_it() -> None:
    net, x = small(), torch.rand(1, 1, 16, 16, 16)
    assert torch.allclose(net.train()(x), net.eval()(x), atol=1e-4)


def test_the_loss_falls_towards_the_right_answer() -> None:
    sample, weights = halves(), torch.ones(CLASSES)

    class Answer(SubvoxelUNet):
        """Says what is true, `sure` of it."""

        sure = 0.0

        def features(self, image: torch.Tensor) -> torch.Tensor:
            one_hot = torch.nn.functional.one_hot(sample.classes.long(), CLASSES).permute(3, 0, 1, 2)
            side = (sample.sides == 1).float() - (sample.sides == 2).float()
            return to_blocks(self.sure * torch.cat([one_hot.float(), side[None]])[None])

        def logits(self, features: torch.Tensor) -> torch.Tensor:
            return features.view(-1, 8, OUTPUTS)

    net, found = Answer(1, OUTPUTS, (8, 8)), []
    for net.sure in (0.0, 5.0, 20.0, -5.0):
        found.append(float(loss(net, sample, weights, 1.0)))
    assert found[2] == pytest.approx(0, abs=1e-3)
    assert found[2] < found[1] < found[0] < found[3]


def test_the_dice_loss_counts_only_what_is_there() -> None:
    target, weight = torch.tensor([0, 1, 1, 2]), torch.ones(4)
    right = torch.nn.functional.one_hot(target, 4).T.float()
    assert float(dice_loss(right, target, weight)) == pytest.approx(0)
    assert float(dice_loss(right[[0, 2, 1, 3]], target, weight)) == pytest.approx(1)
    assert float(dice_loss(right, target, torch.tensor([9.0, 1, 1, 1]))) == pytest.approx(0)


def test_a_few_steps_lower_the_loss() -> None:
    net = small()
    run = train.Run(net, copy.deepcopy(net), torch.optim.AdamW(net.parameters()), train.WARM_UP)
    values = [run.step(halves()) for _ in range(40)]
    assert run.steps == train.WARM_UP + 40
    assert min(values[-3:]) < 0.7 * values[0]
    moved = [not torch.equal(a, b) for a, b in zip(run.average.parameters(), run.net.parameters(), strict=True)]
    assert any(moved)


def test_the_rate_rises_then_falls_with_the_root() -> None:
    assert train.rate(0) < train.rate(100) < train.rate(train.WARM_UP) == train.RATE
    assert train.rate(4 * train.FULL) == pytest.approx(train.RATE / 2)


def test_a_training_goes_on_where_it_was(tmp_path: Path) -> None:
    run = train.begin(tmp_path, None)
    run.steps = 7
    with torch.no_grad():
        run.average.head.bias += 1
    run.optimiser.param_groups[0]["lr"] = 0.5
    run.save(tmp_path)
    again = train.begin(tmp_path, None)
    assert again.steps == 7
    assert again.optimiser.param_groups[0]["lr"] == 0.5
    assert torch.allclose(again.average.head.bias, again.net.head.bias + 1, atol=1e-3)
    elsewhere = train.begin(tmp_path / "new", tmp_path / "state.safetensors")
    assert elsewhere.steps == 7
    assert elsewhere.optimiser.param_groups[0]["lr"] == train.RATE
    assert train.begin(tmp_path / "none", None).steps == 0


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    write_training_state(small(), small(), 3, tmp_path / "state.safetensors")
    with pytest.raises(RuntimeError, match="head"):
        read_training_state(small(5), small(5), tmp_path / "state.safetensors")
