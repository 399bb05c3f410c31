"""The hash is of all that runs: every file of a model, read from a copy that nobody else writes to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fixtures.model_files import bright_onnx, bundle, nnunet, write_card
from tests.fixtures.onnx_writer import write_convolution
from viewer.compute.engine.job import Job
from viewer.compute.loaders.open_model import open_model
from viewer.compute.model_files import copies
from viewer.compute.model_files.trust import digest
from viewer.compute.no_network import no_network
from viewer.compute.progress import Refusal
from viewer.data.volume import Volume
from viewer.settings import cache_folder

Ct = Callable[..., Volume]
Run = Callable[..., Any]
CALLS = {"network_def": {"_target_": "scripts.net.make"}}
MAKE = """from monai.networks.nets import UNet

def make():
    return UNet(spatial_dims=3, in_channels=1, out_channels=3, channels=(4, 8), strides=(2,))
"""


def sha256(path: Path) -> str:
    with open_model(path) as model:
        return model.sha256


def code_bundle(folder: Path) -> Path:
    """A bundle whose network is made by a script of its own."""
    bundle(folder, config=CALLS)
    (folder / "scripts").mkdir()
    (folder / "scripts" / "__init__.py").write_text("")
    (folder / "scripts" / "net.py").write_text(MAKE)
    return folder


@pytest.mark.parametrize(
    "name", ["scripts/net.so", "scripts/net.pyc", "scripts/__pycache__/net.cpython-311.pyc", "models/table.npy", "x"]
)
def test_every_file_of_a_bundle_that_could_be_imported_or_read_counts(tmp_path: Path, name: str) -> None:
    folder = code_bundle(tmp_path / "Tiny")
    before = sha256(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"one")
    added = sha256(folder)
    (folder / name).write_bytes(b"two")
    assert len({before, added, sha256(folder)}) == 3
    (folder / name).rename((folder / name).with_name("other"))
    assert sha256(folder) not in (before, added)


def test_a_script_that_changes_is_asked_for_again(tmp_path: Path, ct: Ct, run: Run) -> None:
    folder, plain = code_bundle(tmp_path / "Tiny"), bundle(tmp_path / "Plain")
    volume = ct((16, 16, 16))
    with pytest.raises(Refusal, match=r"it calls scripts\.net\.make"):
        run(folder, volume)
    assert np.array_equal(run(folder, volume, trust=True), run(plain, volume))
    run(folder, volume)  # and again, without being asked
    (folder / "scripts" / "net.py").write_text(f"raise SystemExit\n{MAKE}")
    with pytest.raises(Refusal, match="is code"):
        run(folder, volume)
    assert not (folder / "scripts" / "__pycache__").exists()  # nothing was written beside the user's files


def test_trusted_code_has_no_network(tmp_path: Path) -> None:
    folder = code_bundle(tmp_path / "Tiny")
    (folder / "scripts" / "net.py").write_text(
        "import urllib.request as r\ndef make():\n r.urlopen('http://127.0.0.1:9/')\n"
    )
    with open_model(folder, trust=True) as model, no_network(), pytest.raises(Refusal, match="asked for the network"):
        model.net(Job())


def test_what_changes_after_the_question_does_not_run(tmp_path: Path) -> None:
    """Between the hash and the import lies a door; the copy is on this side of it."""
    folder, ran = code_bundle(tmp_path / "Tiny"), tmp_path / "ran"
    with open_model(folder, trust=True) as model:
        (folder / "scripts" / "net.py").write_text(f"open({str(ran)!r}, 'w').close()\n{MAKE}")
        (folder / "models" / "model.pt").write_bytes(b"")
        net = model.net(Job())
    assert net.device == "cpu"
    assert not ran.exists()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="needs links")
def test_links_are_refused(tmp_path: Path) -> None:
    folder, outside = code_bundle(tmp_path / "Tiny"), tmp_path / "outside"
    outside.mkdir()
    (folder / "scripts" / "more").symlink_to(outside)
    with pytest.raises(Refusal, match=r"more of the model is a link"):
        sha256(folder)
    (folder / "scripts" / "more").unlink()
    (folder / "scripts" / "net.py").rename(outside / "net.py")
    (folder / "scripts" / "net.py").symlink_to(outside / "net.py")
    with pytest.raises(Refusal, match=r"net\.py of the model is a link"):
        sha256(folder)
    results = nnunet(tmp_path / "a__b__3d_fullres")
    (results / "fold_0").rename(outside / "fold_0")
    (results / "fold_0").symlink_to(outside / "fold_0")
    with pytest.raises(Refusal, match=r"fold_0 of the model is a link"):
        sha256(results)
    (tmp_path / "chosen").symlink_to(bundle(tmp_path / "Other"))
    assert sha256(tmp_path / "chosen") == sha256(tmp_path / "Other")  # a link that the user chose is no part of it


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_among_the_files_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "Tiny")
    os.mkfifo(folder / "models" / "more")
    with pytest.raises(Refusal, match="more of the model is no plain file"):
        sha256(folder)


def test_too_many_and_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bundle(tmp_path / "Tiny")
    monkeypatch.setattr(copies, "LARGEST", 1000)
    with pytest.raises(Refusal, match="larger than may be copied"):
        sha256(folder)
    monkeypatch.undo()
    monkeypatch.setattr(copies, "MOST_MEMBERS", 2)
    with pytest.raises(Refusal, match="more than 2 files"):
        sha256(folder)


def test_copies_go_and_those_of_killed_processes_too(tmp_path: Path) -> None:
    left = cache_folder() / "models" / f"{2**22 + 1}-left"  # a number that no process has
    left.mkdir(parents=True)
    with open_model(bundle(tmp_path / "Tiny")):
        assert not left.exists()
        assert len(list(left.parent.iterdir())) == 1
    assert not any(left.parent.iterdir())


def beside(folder: Path, name: str = "w.bin", **card: Any) -> Path:
    """An ONNX file whose weights lie in another file: label 1 is where the image is above 20."""
    folder.mkdir()
    weights = np.array([0, 1], np.float32).reshape(2, 1, 1, 1, 1)
    path = write_convolution(folder / "net.onnx", weights, np.array([0, -20], np.float32), beside=name)
    return write_card(folder, "net.onnx", **{"sha256": digest([path, folder / name], folder), **card})


@pytest.mark.parametrize("name", ["w.bin", "parts/w.bin"])
def test_the_weights_beside_an_onnx_file_belong_to_its_hash(tmp_path: Path, ct: Ct, run: Run, name: str) -> None:
    folder, volume = beside(tmp_path / "net", name), ct((20, 24, 22))
    assert np.array_equal(run(folder, volume), volume.array > 20)
    (folder / name).write_bytes(np.array([0, 2], "<f4").tobytes())
    with pytest.raises(Refusal, match="is not the file that its card describes"):
        run(folder, volume)
    (folder / "card.json").unlink()
    changed = sha256(folder)
    (folder / name).write_bytes(np.array([0, 3], "<f4").tobytes())
    assert sha256(folder) != changed


def test_a_card_that_knows_nothing_of_the_weights_beside(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    with pytest.raises(Refusal, match=r"weights beside it \(w\.bin\), whose SHA-256 counts as well"):
        sha256(beside(folder, sha256="0" * 64))
    write_card(folder, "net.onnx")
    with pytest.raises(Refusal, match=r"weights beside it \(w\.bin\), whose SHA-256 counts as well"):
        sha256(folder)
    (folder / "w.bin").unlink()
    with pytest.raises(Refusal, match=r"lacks its file w\.bin"):
        sha256(folder)


def test_a_hash_is_what_sha256sum_tells(tmp_path: Path) -> None:
    """So that anybody can compare it: sha256sum of one file; of several, of what sha256sum prints about them."""
    import hashlib

    folder = bright_onnx(tmp_path / "net")
    assert sha256(folder) == hashlib.sha256((folder / "net.onnx").read_bytes()).hexdigest()
    torch.save({}, folder / "a")
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in ("a", "net.onnx")]
    assert digest([folder / "net.onnx", folder / "a"], folder) == hashlib.sha256("".join(sums).encode()).hexdigest()
