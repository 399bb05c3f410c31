"""job.model(): a model by its name, ready to run, and what the provenance says of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.compute.engine.job import Job
from viewer.compute.networks import network_cache
from viewer.compute.networks.torch_network import TorchNet
from viewer.compute.progress import NetworkRun, Refusal
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.plugin.execute import execute

ARGUMENTS: dict[str, Any] = {"widths": [4, 4, 4], "hidden": [[4]] * 5}

PLUGIN = '''
import numpy as np
from viewer.api import Job, Volume, plugin, replace, tiles

@plugin("Think", group="Tests", model="small-{name}")
def think(image: Volume, job: Job, *, learned: bool = True) -> Volume:
    """Run a network where asked to."""
    if not learned:
        return image
    net = job.model(channels=10, multiple=4)
    slices = []
    def read(box):
        return np.repeat(image.array[None, *box].astype(np.float32), 10, 0)
    tiles(net, image.array.shape, job, read=read, write=lambda _, part: slices.append(part[0]), multiple=4)
    return replace(image, array=np.concatenate(slices))
'''


def install(home: Path, name: str, seed: int = 0) -> str:
    """A model in the user's folder; the SHA-256 of its weights."""
    import torch
    from safetensors.torch import save

    from plugins.denoise.network import HaarDenoiser

    torch.manual_seed(seed)
    data = save(HaarDenoiser(**ARGUMENTS).state_dict())
    folder = home / "data" / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(data)
    texts = ("version", "title", "task", "summary", "licence", "intended_use")
    card = dict.fromkeys(texts, "1") | {key: {} for key in ("input", "output", "labels", "training", "metrics")}
    card |= {"name": name, "weights": "weights.safetensors", "sha256": hashlib.sha256(data).hexdigest()}
    card |= {"network": {"class": "plugins.denoise.network:HaarDenoiser", "arguments": ARGUMENTS}}
    card |= {"parameters": 1, "gates": [], "limits": []}
    (folder / "card.json").write_text(json.dumps(card))
    return str(card["sha256"])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path))
    monkeypatch.setattr(network_cache, "_nets", {})
    return tmp_path


def test_a_model_runs_as_its_network_does_and_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from viewer.compute.networks.model_cards import card_network, find_card

    sha256 = install(home, "small-a")
    job = Job()
    net = job.model("small-a", channels=10, multiple=4)
    assert job.used == NetworkRun("small-a", sha256, net.engine, net.precision, "cpu")
    given = np.random.default_rng(0).standard_normal((1, 10, 16, 20, 24), np.float32)
    expected = TorchNet(card_network(find_card("small-a")), "cpu")(given)
    assert np.abs(net(given) - expected).max() < 0.2
    monkeypatch.setattr(network_cache, "card_network", lambda card: pytest.fail("loaded again"))
    later = Job()
    later.model_name = "small-a"
    assert later.model(channels=10, multiple=4) is net
    assert later.used == job.used
    assert "preparing the network" not in later.stages


def test_other_weights_under_the_same_name_are_another_network(home: Path) -> None:
    install(home, "small-a")
    first = Job().model("small-a", channels=10, multiple=4)
    install(home, "small-a", seed=1)
    assert Job().model("small-a", channels=10, multiple=4) is not first


def test_a_process_keeps_few_networks(home: Path) -> None:
    for seed, name in enumerate(("a", "b", "c")):
        install(home, name, seed)
        Job().model(name, channels=10, multiple=4)
    assert len(network_cache._nets) == network_cache.KEPT


def test_a_model_that_is_not_there_is_refused(home: Path) -> None:
    with pytest.raises(Refusal, match="nothing is not installed"):
        Job().model("nothing", channels=1)
    with pytest.raises(ValueError, match="declares none"):
        Job().model(channels=1)
    install(home, "small-a")
    weights = home / "data" / "models" / "small-a" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(Refusal, match="not those that its card describes"):
        Job().model("small-a", channels=10)


def test_the_provenance_names_what_ran(home: Path) -> None:
    sha256 = install(home, "small-x")
    folder = home / "data" / "plugins"
    folder.mkdir()
    (folder / "think.py").write_text(PLUGIN.replace("{name}", "x"))
    image = Volume(np.full((20, 24, 28), 3, np.int16), Grid.of((20, 24, 28)))
    result = execute(Job(), "think", {"image": image}, {})
    made = result.outputs["volume"].provenance
    assert made is not None
    assert (made.model, made.model_sha256, made.learned) == ("small-x", sha256, True)
    assert made.engine.startswith(("OpenVINO", "torch"))
    assert made.precision in ("float32", "bfloat16")
    assert made.device == "cpu"
    assert {"preparing the network", "running the network"} <= set(result.stages)
    plain = execute(Job(), "think", {"image": image}, {"learned": False}).outputs["volume"].provenance
    assert plain is not None
    assert (plain.model, plain.model_sha256, plain.learned) == ("", "", False)


def test_a_network_that_was_stopped_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    made: list[Any] = []

    def prepared(*_: Any, **__: Any) -> Any:
        made.append(
            SimpleNamespace(engine="", precision="", device="cpu", stoppable=True, spent=False, stop=lambda: None)
        )
        return made[-1]

    card = SimpleNamespace(key="a key", ranges={}, sha256="")
    monkeypatch.setattr(network_cache, "find_card", lambda name: card)
    monkeypatch.setattr(network_cache, "card_network", lambda card: None)
    monkeypatch.setattr(network_cache, "prepare_network", prepared)
    monkeypatch.setattr(network_cache, "_nets", {})
    first = network_cache.cached_network("m", Job(), channels=1, multiple=8)[0]
    assert network_cache.cached_network("m", Job(), channels=1, multiple=8)[0] is first
    made[0].spent = True
    assert network_cache.cached_network("m", Job(), channels=1, multiple=8)[0] is made[1]
