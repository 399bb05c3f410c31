"""Convolutions in 8-bit integers: which are rounded, how exact they stay, and when they are not used."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from plugins.denoise import haar_transform
from plugins.denoise.apply_network import MODEL, MULTIPLE, THICK, _example
from plugins.training.quantization_ranges import ranges
from viewer.compute.engine.job import Job
from viewer.compute.networks import backends, model_cards
from viewer.compute.networks.backends import prepare_network
from viewer.compute.networks.benchmark_tile import Probe
from viewer.compute.networks.model_cards import Refusal
from viewer.compute.networks.network import Ranges
from viewer.compute.networks.openvino_network import (
    OpenVinoNet,
    convert_network,
    network_folder,
    precisions,
    saved_network,
)
from viewer.compute.networks.quantization import quantized
from viewer.compute.networks.torch_network import TorchNet

needs_integers = pytest.mark.skipif("int8" not in precisions(), reason="this processor has no 8-bit convolutions")
Floats = NDArray[np.float32]


class Shortened(nn.Module):
    """Down and up again, with a shortcut: a signed input, one after a ReLU, a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv3d(2, 32, 3, padding=1)
        self.down = nn.Conv3d(32, 32, 2, 2)
        self.up = nn.ConvTranspose3d(32, 32, 2, 2)
        self.last = nn.Conv3d(32, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.first(x)
        return self.last(wide + self.up(functional.relu(self.down(wide))))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path))


def batch(seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0.3, 1, (1, 2, 16, 24, 20)).astype(np.float32)


def measured(net: nn.Module, exact: tuple[str, ...] = ()) -> Ranges:
    return ranges(net, [torch.from_numpy(batch(seed)) for seed in range(3)], exact)


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def test_ranges_are_told_by_name_and_sign() -> None:
    found = measured(Shortened().eval(), exact=("last",))
    assert set(found) == {"first", "down", "up"}
    for low, high in (found["first"], found["down"]):
        assert low == -high < 0
    low, high = found["up"]  # after a ReLU
    assert low == 0 < high


def test_a_range_errs_less_than_that_of_all_values() -> None:
    """Of values with a long tail the outermost are cut off, and the many others get finer steps."""
    given = torch.randn(1, 1, 24, 24, 24, generator=torch.Generator().manual_seed(0)) ** 3
    high = ranges(nn.Sequential(nn.Conv3d(1, 4, 3)), [given], ())["0"][1]
    largest = float(given.abs().max())

    def error(top: float) -> float:
        return float(((given / top * 127).round().clamp(-128, 127) * top / 127 - given).square().mean())

    assert high < largest
    assert error(high) < error(largest)


@needs_integers
def test_what_is_rounded_errs_little_and_without_bias() -> None:
    net = Shortened().eval()
    expected = TorchNet(net, "cpu")(batch(9))
    said = OpenVinoNet(quantized(convert_network(net, 2, 2), measured(net)), "int8")(batch(9))
    assert 1e-4 < rms(said - expected) / rms(expected) < 0.03
    assert abs(float((said - expected).mean())) < 0.003 * rms(expected)


@needs_integers
def test_only_what_has_a_range_is_rounded() -> None:
    net = Shortened().eval()
    model = convert_network(net, 2, 2)
    found = measured(net)
    errors = []
    for names in ((), ("up",), tuple(found)):
        said = OpenVinoNet(quantized(model, {name: found[name] for name in names}), "int8")(batch(9))
        errors.append(rms(said - TorchNet(net, "cpu")(batch(9))))
    assert errors[0] < 1e-5 < errors[1] < errors[2]


def test_a_range_of_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="no convolution other"):
        quantized(convert_network(Shortened().eval(), 2, 2), {"other": (0.0, 1.0)})


class Last:
    """Chooses the last of the engines, as if it were the fastest."""

    def __init__(self, *_: Any) -> None:
        pass

    def agrees(self, _: Any) -> bool:
        return True

    def fastest(self, nets: list[Any]) -> Any:
        return nets[-1]


@needs_integers
def test_it_is_chosen_kept_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Shortened().eval()
    found = measured(net)
    monkeypatch.setattr(backends, "Probe", Last)

    def made(told: Ranges) -> Any:
        return prepare_network(net, "cpu", key="0" * 64, channels=2, multiple=2, ranges=told, job=Job())

    first = made(found)
    assert first.precision == "int8"
    again = saved_network(network_folder("0" * 64, found))
    assert again is not None
    assert again.precision == "int8"
    assert np.array_equal(again(batch()), first(batch()))
    assert made({}).precision != "int8"  # without ranges
    other = {name: (low * 2, high * 2) for name, (low, high) in found.items()}
    assert not np.array_equal(made(other)(batch()), first(batch()))  # not what was kept for others


@needs_integers
def test_ranges_that_are_too_narrow_are_not_used(caplog: pytest.LogCaptureFixture) -> None:
    net = Shortened().eval()
    narrow = {name: (low / 8, high / 8) for name, (low, high) in measured(net).items()}
    job = Job()
    made = prepare_network(net, "cpu", key="0" * 64, channels=2, multiple=2, ranges=narrow, example=batch()[0], job=job)
    assert made.precision != "int8"
    assert "in int8 is not exact enough" in caplog.text


def test_ranges_that_do_not_fit_the_network_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = backends.precision_variants(convert_network(Shortened().eval(), 2, 2), {"other": (0.0, 1.0)})
    assert "float32" in made
    assert "int8" not in made
    assert "int8" not in precisions() or "no convolution other" in caplog.text


@pytest.mark.parametrize("bounds", [[1, 2], [-2, 1], [0, 0], [0, float("inf")], [0], "ab", [0, "1"]])
def test_a_card_with_wrong_ranges_is_refused(bounds: Any, tmp_path: Path) -> None:
    import json

    card = json.loads((model_cards.BUILT_IN / MODEL / "card.json").read_text())
    card["network"]["ranges"] = {"first": bounds}
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(Refusal, match="cannot be read"):
        model_cards.read_card(tmp_path / "card.json")


@needs_integers
@pytest.mark.parametrize(("name", "strides"), [(MODEL, haar_transform.SOLID), (THICK, haar_transform.FLAT)])
def test_the_shipped_networks_are_exact_enough_in_integers(name: str, strides: haar_transform.Strides) -> None:
    module = model_cards.card_network(model_cards.find_card(name))
    example = _example(strides)
    model = quantized(convert_network(module, len(example), MULTIPLE), model_cards.find_card(name).ranges)
    plain = TorchNet(module, "cpu")
    net = OpenVinoNet(model, "int8")
    assert Probe(plain, example, Job()).agrees(net)
    error = net(example[None]) - plain(example[None])
    assert rms(error) < 0.05  # of the noise
    assert abs(float(error.mean())) < 0.005
