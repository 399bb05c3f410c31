from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import nn

from plugins.segment_prompt import train
from plugins.segment_prompt.network import PromptNet
from plugins.segment_prompt.prompts import Prompts
from plugins.segment_prompt.samples import sample_set
from plugins.segment_prompt.samples.real_scenes import from_head
from plugins.segment_prompt.samples.sample_set import Sample, Samples
from plugins.segment_prompt.samples.sources import BODIES, BRAINS, SCANS, label_map, scan
from plugins.training import loop

WIDTHS = (8, 8, 8)
SIZE = 24


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A label map with two balls and a scan of one, under the names that samples come from."""
    distance = [np.linalg.norm(np.indices((40, 40, 40)) - centre, axis=0) for centre in (13, 27)]
    labels = sum((one < 8) * n for n, one in enumerate(distance, start=7))
    values = np.random.default_rng(0).normal(100, 5, labels.shape) + 10 * labels
    for name, array in (("map.nii.gz", labels.astype(np.uint16)), ("scan.nii.gz", values.astype(np.int16))):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((1.0, 1.0, 1.5))
        sitk.WriteImage(image, str(tmp_path / name))
    maps, scans = ["map.nii.gz"], ["scan.nii.gz"]
    for name, files in (("BRAINS", maps), ("BODIES", maps), ("SCANS", scans), ("HEADS", scans)):
        monkeypatch.setattr(sample_set, name, files)
    monkeypatch.setattr(sample_set, "head_labels", lambda path: label_map(path.with_name("map.nii.gz")))
    return tmp_path


def test_a_sample_is_whole_and_the_same_in_every_run(data: Path) -> None:
    made = Samples(data, seed=3, size=SIZE)
    for n in range(30):
        one, again = made[n], Samples(data, seed=3, first=n, size=SIZE)[0]
        assert one.image.shape == one.edges.shape == one.target.shape == one.previous.shape == (SIZE,) * 3
        assert one.image.dtype == np.float32
        assert np.isfinite(one.image).all()
        assert sample_set.LEAST <= one.target.sum() <= sample_set.MOST * one.target.size
        assert not (one.prompts.positive & ~one.target).any()
        assert not (one.prompts.excluded & one.target).any()
        assert one.prompts.seeds().any()
        assert np.array_equal(one.image, again.image)
        assert np.array_equal(one.prompts.positive, again.prompts.positive)
    assert not np.array_equal(made[0].image, made[1].image)
    assert not np.array_equal(made[0].image, Samples(data, seed=4, size=SIZE)[0].image)


def test_the_structures_of_a_label_map_are_known_by_their_boxes(data: Path) -> None:
    source = label_map(data / "map.nii.gz")
    assert source.spacing.tolist() == [1.5, 1.0, 1.0]
    assert list(source.structures) == [1, 2]
    assert source.structures[1] == (slice(6, 21),) * 3


def test_a_head_and_its_labels_are_cut_at_the_same_places(data: Path) -> None:
    labels, rng = label_map(data / "map.nii.gz"), np.random.default_rng(5)
    for _ in range(10):
        image, cut, label = from_head(scan(data / "scan.nii.gz"), labels, SIZE, rng)
        inside, outside = image[cut == label], image[cut == 0]
        assert abs(float(inside.mean() - outside.mean())) > 2 * float(outside.std())


def test_nothing_that_the_gates_are_measured_on_is_trained_on() -> None:
    gates = ("seg_09", "seg_10", "totalsegmentator", "oasis-voxelmorph", "image_A", "ms-p07", "patient07", "gif")
    kept = ("sarcoma", "longitudinal-p01", "patient01")
    assert not [name for name in (*BRAINS, *BODIES, *SCANS) if any(part in name for part in (*gates, *kept))]
    assert len(BRAINS) == 8


def made_samples() -> Iterator[Sample]:
    """Balls, each of another size, with no prompt yet but one positive point."""
    for n in range(1 << 20):
        ball = np.linalg.norm(np.indices((16,) * 3) - 7, axis=0) < 3 + n % 5
        point = np.zeros_like(ball)
        point[7, 7, 7] = True
        image = np.where(ball, 1, -1).astype(np.float32)
        prompts = Prompts.none(ball.shape).with_marks(point, positive=True)
        yield Sample(image, np.zeros(ball.shape, np.uint8), ball, np.zeros_like(ball), prompts)


def test_a_wrong_answer_brings_one_prompt_more_and_a_right_one_another_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "MOST_PROMPTS", 10_000)  # so that some are still to come
    trajectories = train.Trajectories(made_samples(), seed=0)
    batches = iter(trajectories)
    first, targets = next(batches)
    trajectories.loss(torch.full(targets.shape, -1.0), targets)
    second, same = next(batches)
    assert torch.equal(same, targets)
    assert (second[:, 2].sum((1, 2, 3)) > first[:, 2].sum((1, 2, 3))).all()
    trajectories.loss(same.float() * 2 - 1, same)
    third, others = next(batches)
    assert not torch.equal(others, targets)
    assert (third[:, 2].sum((1, 2, 3)) == first[:, 2].sum((1, 2, 3))).all()


def test_the_loss_is_small_where_the_answer_is_right() -> None:
    targets = (torch.rand(2, 1, 8, 8, 8) > 0.7).float()
    right, wrong = (train.segmentation_loss(sign * 20 * (targets * 2 - 1), targets) for sign in (1, -1))
    assert right < 0.01
    assert wrong > 10


def trained(folder: Path, minutes: float, steps: int) -> tuple[nn.Module, train.Trajectories]:
    """A training of so many steps more."""
    torch.manual_seed(0)
    net = PromptNet(WIDTHS)
    trajectories = train.Trajectories(made_samples(), seed=0)
    batches = (one for _, one in zip(range(steps), trajectories, strict=False))
    average = loop.train(
        net, batches, trajectories.loss, folder, minutes=minutes, rate=1e-3, validate=lambda _: "", every=1e-9
    )
    return average, trajectories


def test_two_trainings_of_a_seed_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_schedule", lambda _: 1.0)  # else of the time that it took
    one, two = (trained(tmp_path / name, 60, 3)[0].state_dict() for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_training_goes_on_where_it_was(tmp_path: Path) -> None:
    """A step at a rate of nothing shows what was taken up: weights, averages, moments, steps."""
    trained(tmp_path, 60, 3)
    before = torch.load(tmp_path / "state.pt", weights_only=True)
    trained(tmp_path, 0, 1)
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    assert after["steps"] == before["steps"] == 3
    for part in ("net", "average"):
        assert all(torch.equal(after[part][name], before[part][name]) for name in before[part])
    moments = [one["optimiser"]["state"][0]["exp_avg"] for one in (before, after)]
    assert torch.equal(*moments)
    assert moments[0].abs().sum() > 0


def test_a_state_without_its_optimiser_is_written_and_taken_up(tmp_path: Path) -> None:
    average, _ = trained(tmp_path, 60, 3)
    path = tmp_path / "state.safetensors"
    train.write_state(tmp_path, path, earlier_steps=40)
    weights, steps = train.read_state(path, "average")
    assert steps == 43
    assert weights.keys() == average.state_dict().keys()
    assert all(torch.allclose(weights[name], value, atol=1e-3) for name, value in average.state_dict().items())
    raw, _ = train.read_state(path, "net")
    assert any(not torch.equal(raw[name], weights[name]) for name in raw)


def test_the_script_trains_and_leaves_a_state(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOMOLENS_DATA", str(data))
    monkeypatch.setattr("sys.argv", ["train", "--minutes", "0.01", "--out", str(tmp_path / "run")])
    monkeypatch.setattr(train, "VALIDATION", 1)
    monkeypatch.setattr(train, "Samples", lambda *given, **named: Samples(*given, **named, size=SIZE))
    before, child_ends = torch.get_num_threads(), signal.getsignal(signal.SIGCHLD)
    train.main()
    torch.set_num_threads(before)
    signal.signal(signal.SIGCHLD, child_ends)  # torch's handler, once called on a spent signal stack, kills the process
    assert "Dice" in capsys.readouterr().out
    assert train.read_state(tmp_path / "run/segment-prompt.safetensors", "average")[1] >= 0
