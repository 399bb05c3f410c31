"""Model files of every kind, good and bad: what they are taken for, and one sentence for each that cannot be used."""

from __future__ import annotations

import json
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.fixtures.model_files import bright_onnx, bundle, meshnet, nnunet, write_card
from tests.fixtures.onnx_writer import INT64, write_convolution
from viewer.compute.engine.job import Job
from viewer.compute.loaders.open_model import open_model
from viewer.compute.model_files import copies, weights_file
from viewer.compute.progress import Refusal
from viewer.data.volume import Volume

Ct = Callable[..., Volume]
Run = Callable[..., Any]


class Bright(torch.nn.Module):
    """Two channels: 0, and how far the image is above a value."""

    def __init__(self) -> None:
        super().__init__()
        self.above = torch.nn.Parameter(torch.tensor(20.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((torch.zeros_like(x), x - self.above), 1)


def scripted(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.jit.script(Bright()).save(str(path))
    return path


def refusal(path: Path, *, make: bool = False) -> str:
    """The sentence for a model that cannot be used. make: only its network cannot."""

    def use() -> None:
        with open_model(path) as model:
            assert make
            model.net(Job())

    with pytest.raises(Refusal) as told:
        use()
    text = str(told.value)
    assert text.count("\n") == 0
    assert text.endswith(".")
    return text


def test_every_kind_is_known(tmp_path: Path) -> None:
    made = {
        "ONNX": bright_onnx(tmp_path / "onnx"),
        "MONAI bundle": bundle(tmp_path / "bundle", zipped=True),
        "nnU-Net v2": nnunet(tmp_path / "a__b__3d_fullres"),
        "brainchop MeshNet": meshnet(tmp_path / "mesh"),
        "TorchScript": scripted(tmp_path / "script" / "net.pt"),
    }
    digests = set()
    for kind, path in made.items():
        with open_model(path) as model:
            assert model.kind == kind
            assert model.is_code == (kind == "TorchScript")
            digests.add(model.sha256)
    assert len(digests) == len(made)


def test_torchscript_with_a_card(tmp_path: Path, ct: Ct, run: Run) -> None:
    path = scripted(tmp_path / "script" / "net.pt")
    write_card(path.parent, "net.pt")
    volume = ct((20, 24, 22))
    with pytest.raises(Refusal, match=r"is code \(TorchScript\)"):
        run(path, volume)
    assert np.array_equal(run(path, volume, trust=True), volume.array > 20)
    assert np.array_equal(run(path.parent, volume), volume.array > 20)
    scripted(path)
    with path.open("ab") as file:
        file.write(b"\0")
    assert "not the file that its card describes" in refusal(path)


def test_safetensors_with_a_card(tmp_path: Path, ct: Ct, run: Run) -> None:
    """What the card asks for is done: half the spacing, a range, and overlapping labels above a threshold."""
    from monai.networks.nets import BasicUNet

    torch.manual_seed(0)
    arguments = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "features": [4, 4, 4, 4, 4, 4]}
    folder = tmp_path / "unet"
    folder.mkdir()
    save_file(BasicUNet(**arguments).state_dict(), folder / "weights.safetensors")
    prepare = {
        "spacing": [4, 4, 4],
        "axes": "RAS",
        "intensity": [{"kind": "range", "low": -100, "high": 100, "clip": True}],
    }
    write_card(
        folder,
        "weights.safetensors",
        network={"class": "monai.networks.nets:BasicUNet", "arguments": arguments},
        input={"channels": ["CT"], "spacing": "4 mm", "intensity": "HU", "prepare": prepare},
        output={"threshold": 0.0},
        labels={"3": "first", "7": "second"},
    )
    volume = ct((20, 24, 22))
    with open_model(folder) as model:
        assert model.intensity == "-100…100 to 0…1, clipped"
        prepared = model.prepare([volume], Job())
    filled = np.argwhere(prepared.array[0])
    assert tuple(np.ptp(filled, 0) + 1) == (12, 12, 10)  # right, front, head: i, j, k halved
    assert prepared.array.shape == (1, 96, 96, 96)  # one patch
    assert prepared.notes == ("resampled to 4 × 4 × 4 mm for the model", "axes turned for the model")
    found = run(folder, volume)
    assert found.shape == volume.array.shape
    assert set(np.unique(found)) <= {0, 3, 7}
    assert found.any()


def test_onnx_of_several_channels_and_of_one_size(tmp_path: Path, ct: Ct, run: Run) -> None:
    volume, other = ct((20, 24, 22)), ct((20, 24, 22), seed=1)
    both = (volume.array + other.array) / 2
    assert np.array_equal(run(bright_onnx(tmp_path / "two", 2, above=10), volume, other), both > 10)
    with pytest.raises(Refusal, match=r"takes 2 images \(image 0, image 1\), not 1"):
        run(tmp_path / "two", volume)
    folder = bright_onnx(tmp_path / "fixed", above=10)
    weights = np.array([0, 1], np.float32).reshape(2, 1, 1, 1, 1)
    write_convolution(folder / "net.onnx", weights, np.array([0, -10], np.float32), (1, 1, 16, 16, 32))
    write_card(folder, "net.onnx")
    assert np.array_equal(run(folder, volume), volume.array > 10)


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [
        (("n", 1, "j", "i"), 1, "4 axes"),
        ((1, 3, "k", "j", "i"), 1, "3 channels"),
        ((4, 1, "k", "j", "i"), 1, "4 images at once"),
        ((1, 1, "k", "j", "i"), INT64, "type i64|get it again"),
        ((1, 1, 2, 2, 2), 1, "2 × 2 × 2"),
    ],
)
def test_onnx_for_other_inputs(tmp_path: Path, shape: Any, kind: int, said: str) -> None:
    folder = bright_onnx(tmp_path / "net")
    channels = shape[1]
    weights = np.zeros((2, channels, *(1 for _ in shape[2:])), np.float32)
    write_convolution(folder / "net.onnx", weights, np.zeros(2, np.float32), shape, kind)
    write_card(folder, "net.onnx")
    assert re.search(said, refusal(folder))  # OpenVINO may refuse a convolution of integers by itself


def test_files_that_are_cut_off(tmp_path: Path) -> None:
    made = [
        bright_onnx(tmp_path / "onnx") / "net.onnx",
        scripted(tmp_path / "net.pt"),
        bundle(tmp_path / "b") / "models/model.pt",
    ]
    for path in made:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (tmp_path / "onnx" / "card.json").unlink()
    assert "get it again" in refusal(made[0])
    assert "weights without their network" in refusal(made[1])
    assert "cut off" in refusal(tmp_path / "b", make=True)
    zipped = tmp_path / "half.zip"
    zipped.write_bytes(b"PK\x03\x04" + b"x" * 1000)
    assert "damaged" in refusal(zipped)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {ran}",)

    folder = bundle(tmp_path / "bundle")
    torch.save({"weight": Evil()}, folder / "models" / "model.pt")
    assert "would run code from it, so it was not read" in refusal(folder, make=True)
    (folder / "models" / "model.pt").write_bytes(pickle.dumps(Evil()))
    assert refusal(folder, make=True)
    results = nnunet(tmp_path / "a__b__3d_fullres")
    torch.save({"network_weights": Evil()}, results / "fold_0" / "checkpoint_final.pth")
    assert "would run code" in refusal(results, make=True)
    assert not ran.exists()


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "C:\\out.txt", "..\\out.txt"])
def test_a_zip_that_would_write_elsewhere(tmp_path: Path, name: str) -> None:
    before = set(tmp_path.parent.rglob("out.txt"))
    assert "outside its folder" in refusal(zip_of(tmp_path / "net.zip", {name: b"x"}))
    assert set(tmp_path.parent.rglob("out.txt")) == before


def test_a_zip_with_a_link(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as archive:
        link = zipfile.ZipInfo("net/models")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc")
    assert "outside its folder" in refusal(tmp_path / "net.zip")


def test_zip_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no model is like that" in refusal(zip_of(tmp_path / "bomb.zip", {"a": bytes(100 << 20)}))
    assert "no model is like that" in refusal(zip_of(tmp_path / "many.zip", {str(n): b"" for n in range(3000)}))
    monkeypatch.setattr(copies, "LARGEST", 1000)
    assert "no model is like that" in refusal(zip_of(tmp_path / "large.zip", {"a": os.urandom(2000)}))


def test_a_zip_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "net.zip", {"a": bytes(10 << 20)})
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = (100).to_bytes(4, "little")  # unpacked size, as told
    path.write_bytes(bytes(data))
    assert refusal(path)


def test_descriptions_that_are_far_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bundle(tmp_path / "bundle")
    monkeypatch.setattr(weights_file, "LARGEST_TEXT", 10)
    assert "far too large" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input": {"channels": ["image"], "prepare": {"axes": "RAX"}}}, "cannot be understood"),
        ({"input": {"channels": ["image"], "prepare": {"spacing": [1, 0, 1]}}}, "cannot be understood"),
        ({"input": {"channels": ["image"], "prepare": {"intensity": [{"kind": "magic"}]}}}, "cannot be understood"),
        ({"input": {"channels": ["one", "two"]}}, "takes 1 channels, but its card names 2"),
        ({"output": {"patch": [1, 2]}}, "cannot be understood"),
    ],
)
def test_cards_that_contradict_their_file(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert said in refusal(bright_onnx(tmp_path / "net", **change))


def test_things_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    (tmp_path / "weights.safetensors").write_bytes(b"")
    assert "no model that is known here" in refusal(tmp_path / "notes.txt")
    assert "no model that is known here" in refusal(tmp_path / "empty")
    assert "without their network" in refusal(tmp_path / "weights.safetensors")
    assert "there is no model" in refusal(tmp_path / "gone")


def test_a_damaged_list_of_trust_trusts_nothing(tmp_path: Path, home: Path, ct: Ct, run: Run) -> None:
    path = scripted(tmp_path / "net.pt")
    with open_model(path, trust=True) as model:
        sha256 = model.sha256
    listed = home / "config" / "trusted.json"
    assert json.loads(listed.read_text()) == [sha256]
    listed.write_text("{")
    assert "is code" in refusal(path, make=True)


def test_odd_images_are_refused(tmp_path: Path, ct: Ct, run: Run) -> None:
    from dataclasses import replace

    folder, volume = bright_onnx(tmp_path / "net"), ct((20, 24, 22))
    color = replace(volume, array=np.zeros((20, 24, 22, 3), np.uint8))
    holes = replace(volume, array=np.where(volume.array > 50, np.nan, volume.array))
    for odd, said in ((color, "colour"), (holes, "NaN")):
        with pytest.raises(Refusal, match=said):
            run(folder, odd)
