"""Descriptions of every kind of model with something odd anywhere in them: a result, or one sentence."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from tests.fixtures.model_files import bright_onnx, bundle, meshnet, nnunet, write_card
from viewer.compute.engine.job import Job
from viewer.compute.loaders.open_model import open_model
from viewer.compute.loaders.preprocessing import conform
from viewer.compute.networks.torch_network import TorchNet
from viewer.compute.progress import Refusal
from viewer.data.grid import Grid
from viewer.data.volume import Volume

ODD = [None, True, -1, 0, 1, 2.5, 7, 10**9, 10**30, float("inf"), float("nan"), "", "x", "3", "10**9", "../x", "$1",
       "@x", "http://127.0.0.1:9/", [], {}, [[]], [1, 2], [10**9] * 3, 1e-300, {"x": 1}, "a\0b", "\ud800",
       "é\n\x1b[31m"]  # fmt: skip
NAME = "nnUNetTrainer__nnUNetPlans__3d_fullres"


def unet_card(folder: Path) -> Path:
    from monai.networks.nets import UNet

    arguments = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}
    folder.mkdir()
    save_file(UNet(**arguments).state_dict(), folder / "w.safetensors")
    steps = [{"kind": "range", "low": -100, "high": 100, "clip": True}, {"kind": "zscore", "nonzero": True},
             {"kind": "quantiles", "low": 0.1, "high": 0.9}, {"kind": "clip", "low": 0, "high": 1}]  # fmt: skip
    told = {"channels": ["CT"], "prepare": {"axes": "RAS", "spacing": [2, 2, 2], "intensity": steps}}
    network = {"class": "monai.networks.nets:UNet", "arguments": arguments, "ranges": {"x": [0, 1]}}
    output = {"threshold": 0.5, "patch": [32, 32, 32]}
    return write_card(folder, "w.safetensors", network=network, input=told, output=output)


MODELS: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "nnU-Net": (lambda place: nnunet(place / NAME), ("plans.json", "dataset.json")),
    "MONAI": (lambda place: bundle(place / "Tiny"), ("configs/metadata.json", "configs/inference.json")),
    "MeshNet": (lambda place: meshnet(place / "mesh"), ("model.json", "colormap.json")),
    "card": (lambda place: unet_card(place / "unet"), ("card.json",)),
    "ONNX": (lambda place: bright_onnx(place / "net"), ("card.json",)),
}


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every entry of a document: the table or list that it stands in, and its key."""
    if isinstance(document, (dict, list)):
        for key in list(document) if isinstance(document, dict) else range(len(document)):
            yield document, key
            yield from places(document[key])


def ready(module: Any, device: str, *, channels: int, **_: Any) -> TorchNet:
    """In torch at once, after a volume to try it with."""
    net = TorchNet(module, device)
    net(np.zeros((1, channels, 32, 32, 32), np.float32))
    return net


@pytest.fixture(scope="module", params=list(MODELS))
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, dict[str, Any]]]:
    make, names = MODELS[request.param]
    folder = make(tmp_path_factory.mktemp("model"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOMOLENS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr("viewer.compute.networks.backends.prepare_network", ready)
        patch.setattr(conform, "SIDE", 32)
        yield folder, {name: json.loads((folder / name).read_text()) for name in names}
    shutil.rmtree(folder)


def use(folder: Path) -> None:
    """What the plugin does, but for the tiles."""
    volume = Volume(
        np.random.default_rng(0).normal(0, 100, (12, 14, 16)).astype(np.float32), Grid.of((12, 14, 16), 2.0)
    )
    with open_model(folder) as model:
        assert isinstance(model.intensity, str)
        job = Job()
        prepared = model.prepare([volume] * len(model.channels), job)
        net = model.net(job)
        made = net(np.zeros((1, len(model.channels), *(min(n, 32) for n in prepared.array.shape[1:])), np.float32))
        if model.labels and isinstance(getattr(model.preparation, "decision", None), Callable):
            model.preparation.decision(made[0])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_something_odd_anywhere(case: tuple[Path, dict[str, Any]], data: st.DataObject) -> None:
    folder, documents = case
    name = data.draw(st.sampled_from(list(documents)))
    document = deepcopy(documents[name])
    for _ in range(data.draw(st.integers(1, 2))):
        holder, key = data.draw(st.sampled_from(list(places(document))), label="where")
        holder[key] = deepcopy(data.draw(st.sampled_from(ODD), label="what"))
    (folder / name).write_text(json.dumps(document))
    before = psutil.Process(os.getpid()).memory_info().rss
    try:
        use(folder)
    except Refusal as refusal:
        assert len(str(refusal)) < 2000  # noqa: PT017
    finally:
        (folder / name).write_text(json.dumps(documents[name]))
    assert psutil.Process(os.getpid()).memory_info().rss - before < 1 << 30
