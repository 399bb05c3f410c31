"""What is said in one pass and in two, how doubtful it is, and which files of weights are taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from plugins.segment_brain import prediction
from plugins.segment_brain.labels import CLASSES, OUTPUTS, STRUCTURES
from plugins.segment_brain.network import SubvoxelUNet
from plugins.segment_brain.prediction import MODEL, TEMPERATURE, Prediction, load_network, mirror, predict
from tests.fixtures import brain_phantom
from viewer.api import Job, Refusal
from viewer.compute.networks.model_cards import find_card

STEM, WHITE = 1 + [one.name for one in STRUCTURES].index("brain stem"), 1


def certain(classes: NDArray[np.integer], left: float = 1.0) -> NDArray[np.float32]:
    """Probabilities [CLASSES + 1, k, j, i] of one answer."""
    shares = np.zeros((CLASSES + 1, *classes.shape), np.float32)
    np.put_along_axis(shares, classes[None], 1, 0)
    shares[CLASSES] = left
    return shares


class Half:
    """A Net: white matter where the image is bright; what lies in the first half along i is on the right."""

    engine, precision, device = "none", "float32", "cpu"

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        answer = np.full((1, OUTPUTS, *batch.shape[2:]), -20, np.float32)
        answer[0, WHITE] = 40 * batch[0, 0] - 20
        answer[0, 0] = -answer[0, WHITE]
        answer[0, CLASSES] = 20 * np.sign(np.arange(batch.shape[-1]) - batch.shape[-1] / 2 + 0.5)
        return answer


def test_the_mirror_image_is_turned_back_and_its_sides_too() -> None:
    image = np.zeros((4, 4, 8), np.float32)
    image[1:3, 1:3, 1:6] = 1
    straight, turned = predict(image, Half()), mirror(predict(image[..., ::-1].copy(), Half()))
    assert np.allclose(straight, turned, atol=1e-4)
    assert np.array_equal(straight[:CLASSES].argmax(0), image.astype(int))
    left = straight[CLASSES, 0, 0]
    assert (left[:4] < 0.01).all()
    assert (left[4:] > 0.99).all()
    assert straight[:CLASSES].sum(0) == pytest.approx(1, abs=1e-5)


def test_doubt_is_in_bits() -> None:
    one, other = certain(np.full((1, 1, 1), STEM)), certain(np.zeros((1, 1, 1), int))
    assert Prediction((one,)).winner() == pytest.approx(1, abs=1e-4)
    assert Prediction((one, other)).winner() == pytest.approx(0.5, abs=1e-3)  # two answers that are alike
    left, right = (certain(np.full((1, 1, 1), WHITE), side) for side in (1.0, 0.0))
    assert Prediction((left, right)).winner() == pytest.approx(0.5, abs=1e-3)  # which side is not known
    no_side = (certain(np.full((1, 1, 1), STEM), side) for side in (1.0, 0.0))
    assert Prediction(tuple(no_side)).winner() == pytest.approx(1, abs=1e-4)


def test_calibrated_odds_are_softer_and_their_order_stays() -> None:
    rng = np.random.default_rng(0)
    shares = rng.random((CLASSES + 1, 3, 4, 5)).astype(np.float32) ** 3
    shares[:CLASSES] /= shares[:CLASSES].sum(0)
    told = Prediction((shares,)).calibrated(2.0).passes[0]
    assert told[:CLASSES].sum(0) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(told[:CLASSES].argmax(0), shares[:CLASSES].argmax(0))
    assert told[1] / told[0] == pytest.approx(
        np.sqrt(shares[1] / shares[0]), rel=1e-3
    )  # odds, by the half of the power
    left = shares[CLASSES]
    assert told[CLASSES] == pytest.approx(1 / (1 + np.sqrt((1 - left) / left)), abs=1e-4)
    assert (Prediction((shares,)).calibrated().winner() < Prediction((shares,)).winner()).all()


def test_the_card_tells_the_temperature() -> None:
    assert find_card(MODEL).metrics["edge"]["temperature"] == TEMPERATURE


def test_confidence_is_that_of_the_brain() -> None:
    classes = np.zeros((2, 2, 2), int)
    classes[0] = STEM
    sure = certain(classes)
    unsure = 0.6 * sure + 0.4 * certain(np.roll(classes, 1, 0))
    assert Prediction((sure,)).confidence() == pytest.approx(1)
    assert Prediction((unsure,)).confidence() == pytest.approx(0.6)
    assert Prediction((certain(np.zeros((2, 2, 2), int)),)).confidence() == 0


def test_weights_are_taken_as_training_writes_them(tmp_path: Path) -> None:
    state = brain_phantom.write_weights(tmp_path / "state.safetensors")
    average = {name[8:]: one for name, one in load_file(state).items() if name.startswith("average.")}
    save_file(average, tmp_path / "alone.safetensors")
    batch = prediction.example()[None]
    answers = []
    for path in (state, tmp_path / "alone.safetensors"):
        job = Job()
        answers.append(load_network(path, job)(batch))
        assert job.used is not None
        assert job.used.model == path.name
        assert len(job.used.sha256) == 64
    assert np.allclose(answers[0], answers[1], atol=0.05 * np.abs(answers[0]).max())


def _cut(path: Path) -> Path:
    path.write_bytes(brain_phantom.write_weights(path).read_bytes()[:-1000])
    return path


def _foreign(path: Path) -> Path:
    save_file({"layer.weight": torch.zeros(3, 3)}, path)
    return path


def _of_other_classes(path: Path) -> Path:
    save_file({name: one.contiguous() for name, one in SubvoxelUNet(1, 5, (8, 8)).state_dict().items()}, path)
    return path


def _not_numbers(path: Path) -> Path:
    state = load_file(brain_phantom.write_weights(path))
    state["average.head.bias"][0] = float("nan")
    save_file(state, path)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_cut, "cut off"),
        (_foreign, "another network"),
        (_of_other_classes, "another network"),
        (_not_numbers, "not numbers"),
        (lambda path: path, "lacks its file"),
        (lambda path: path.with_suffix(".pt"), "no safetensors file"),
    ],
)
def test_other_weights_are_refused_in_a_sentence(make, words: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        load_network(make(tmp_path / "weights.safetensors"), Job())
    assert str(refused.value).endswith(".")
