"""The registry of models: cards, the hash of the weights, and networks that may be made."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from viewer.compute.networks.model_cards import card_network, cards, find_card
from viewer.compute.progress import Refusal
from viewer.settings import models_folder

ARGUMENTS = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "features": [4, 4, 4, 4, 4, 4]}


@pytest.fixture(autouse=True)
def own_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.compute.networks.model_cards.BUILT_IN", tmp_path / "built in")


def made(name: str = "small", folder: Path | None = None, **changes: Any) -> Path:
    """A model with float16 weights and one gate."""
    from monai.networks.nets import BasicUNet

    place = (folder or models_folder()) / name
    place.mkdir(parents=True)
    torch.manual_seed(0)
    save_file(
        {key: value.half() for key, value in BasicUNet(**ARGUMENTS).state_dict().items()}, place / "w.safetensors"
    )
    card = {
        "name": name,
        "version": "1.0",
        "title": "Small",
        "task": "segmentation",
        "summary": "Nothing.",
        "licence": "Apache-2.0",
        "weights": "w.safetensors",
        "sha256": hashlib.sha256((place / "w.safetensors").read_bytes()).hexdigest(),
        "network": {"class": "monai.networks.nets:BasicUNet", "arguments": ARGUMENTS},
        "parameters": 1000,
        "input": {},
        "output": {},
        "labels": {"1": "one"},
        "training": {"data": []},
        "gates": [{"name": "Dice", "required": 0.9, "measured": 0.93, "interval": [0.91, 0.95], "passed": True}],
        "metrics": {},
        "intended_use": "Tests.",
        "limits": ["All."],
        **changes,
    }
    (place / "card.json").write_text(json.dumps(card))
    return place


def test_cards_are_found_and_read() -> None:
    place = made()
    (card,) = cards()
    assert (card.name, card.labels, card.limits) == ("small", {"1": "one"}, ("All.",))
    assert card.gates[0].interval == (0.91, 0.95)
    assert card.bytes == (place / "w.safetensors").stat().st_size
    assert card.verified()
    assert find_card("small") == card


def test_built_in_ones_come_first_and_keep_their_names(tmp_path: Path) -> None:
    built_in = tmp_path / "built in"
    made("zebra", built_in)
    made("zebra", version="2.0")
    made("ant")
    assert [(card.name, card.folder.parent) for card in cards()] == [("zebra", built_in), ("ant", models_folder())]


def test_a_network_is_loaded_as_float32_and_computes() -> None:
    made()
    network = card_network(find_card("small"))
    assert not network.training
    assert {one.dtype for one in network.parameters()} == {torch.float32}
    assert not any(one.requires_grad for one in network.parameters())
    assert network(torch.zeros(1, 1, 32, 32, 32)).shape == (1, 2, 32, 32, 32)


def test_weights_with_a_wrong_hash() -> None:
    path = made() / "w.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert not find_card("small").verified()
    with pytest.raises(Refusal, match="not those that its card describes"):
        card_network(find_card("small"))
    path.unlink()
    assert find_card("small").bytes == 0
    assert not find_card("small").verified()
    with pytest.raises(Refusal, match="are missing"):
        card_network(find_card("small"))


def test_safetensors_that_are_cut_off() -> None:
    place = made()
    data = (place / "w.safetensors").read_bytes()[:-100]
    (place / "w.safetensors").write_bytes(data)
    card = json.loads((place / "card.json").read_text())
    (place / "card.json").write_text(json.dumps({**card, "sha256": hashlib.sha256(data).hexdigest()}))
    with pytest.raises(Refusal, match="cut off or no safetensors file"):
        card_network(find_card("small"))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"class": "os:system", "arguments": {"command": "true"}}, "more than a network that is known"),
        ({"class": "monai.networks.netsevil:Net"}, "more than a network that is known"),
        ({"class": "torch.hub:load"}, "more than a network that is known"),
        (
            {"class": "monai.networks.nets.hovernet:HoVerNet", "arguments": {"pretrained_url": "http://127.0.0.1:9/"}},
            r"it calls monai\.networks\.nets\.hovernet:HoVerNet",
        ),
        (
            {"class": "monai.networks.nets:BasicUNet", "arguments": {**ARGUMENTS, "pretrained": True}},
            "it sets pretrained",
        ),
        (
            {"class": "monai.networks.nets:BasicUNet", "arguments": {**ARGUMENTS, "act": "http://x/y"}},
            "it sets act to http",
        ),
        (
            {"class": "monai.networks.nets:BasicUNet", "arguments": {**ARGUMENTS, "in_channels": 10**9}},
            "not meant well",
        ),
        ({"class": "monai.networks.nets:BasicUNet", "arguments": {**ARGUMENTS, "features": [4096] * 6}}, "do not fit"),
        ({"class": "plugins.denoise.network:Tensor", "arguments": {}}, "do not fit"),
        ({"class": "plugins.denoise.network:HaarDenoiser", "arguments": {"hidden": "x"}}, "do not fit"),
        ({"class": "plugins.denoise.train:main", "arguments": {}}, "more than a network that is known"),
        ({"class": "plugins"}, "more than a network that is known"),
        ({"class": "monai.apps.utils:download_url"}, "more than a network that is known"),
        ({"class": "monai.networks.nets:Missing"}, "more than a network that is known"),
        ({"class": "plugins.missing.network:Net"}, "is not installed"),
        ({"class": "monai.networks.nets:torch"}, "more than a network that is known"),
        ({"class": "monai.networks.nets:BasicUNet", "arguments": {"colour": 1}}, "it sets colour"),
        ({"class": "monai.networks.nets:BasicUNet", "arguments": {**ARGUMENTS, "out_channels": 3}}, "do not fit"),
    ],
)
def test_networks_that_are_not_made(network: dict[str, Any], said: str) -> None:
    made(network=network)
    with pytest.raises(Refusal, match=said):
        card_network(find_card("small"))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 3},
        {"weights": "../w.safetensors"},
        {"weights": "a/b"},
        {"gates": [{"name": "x"}]},
        {"labels": "none"},
        {"limits": None},
    ],
)
def test_cards_that_cannot_be_read_are_left_out(change: dict[str, Any]) -> None:
    made("broken", **change)
    made("whole")
    assert [card.name for card in cards()] == ["whole"]
    with pytest.raises(Refusal, match="card of the model broken"):
        find_card("broken")
    with pytest.raises(Refusal, match="is not installed"):
        find_card("absent")


def test_the_same_weights_in_another_network_are_another_model() -> None:
    """What is kept of a network, in this process or on the disk, is found by all that makes it."""
    plain, other = made("plain"), made("other", network={"class": "monai.networks.nets:BasicUNet",
                                                         "arguments": {**ARGUMENTS, "act": "relu"}})  # fmt: skip
    one, two = (find_card(place.name) for place in (plain, other))
    assert one.sha256 == two.sha256
    assert one.key != two.key


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_card_that_is_a_pipe_is_not_waited_for() -> None:
    place = made("pipe")
    (place / "card.json").unlink()
    os.mkfifo(place / "card.json")
    assert cards() == ()


def test_a_file_that_is_no_card() -> None:
    place = made("broken")
    infinite = json.dumps({**json.loads((place / "card.json").read_text()), "parameters": float("inf")}).encode()
    for data in (b"\xff\xfe", b"[1]", b"{", b"x" * (2 << 20), b"[" * 200_000, infinite):
        (place / "card.json").write_bytes(data)
        assert cards() == ()
