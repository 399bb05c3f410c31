from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from viewer.compute import devices
from viewer.compute.progress import Refusal

LISTED = "0, NVIDIA H100 80GB HBM3, 81559, 81004\n1, Tesla T4, [N/A], [N/A]\n"


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two graphics cards, as its driver's program lists them."""
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{LISTED}'\n".replace("\n1,", "\\n1,").replace("]\n'", "]\\n'"))
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0")
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    return program


def test_the_processor_is_always_there() -> None:
    first = devices.devices()[0]
    assert first.id == "cpu"
    assert first.name
    assert 0 < first.free <= first.memory


def test_cards_are_read_from_the_driver(cards: Path) -> None:
    _, h100, t4 = devices.devices()
    assert (h100.id, h100.name, h100.memory, h100.cure) == ("cuda:0", "NVIDIA H100 80GB HBM3", 81559 << 20, "")
    assert h100.free == 81004 << 20
    assert (t4.id, t4.memory) == ("cuda:1", 0)


def test_a_driver_that_fails_is_no_card(cards: Path) -> None:
    cards.write_text("#!/bin/sh\nexit 9\n")
    assert [one.id for one in devices.devices()] == ["cpu"]


def test_a_card_that_torch_cannot_use_says_what_helps(cards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0+cpu")
    assert "pip install" in devices.devices()[1].cure
    assert devices.choose_device("auto", gpu=True) == "cpu"
    with pytest.raises(Refusal, match="installed without CUDA"):
        devices.choose_device("cuda", gpu=True)


def test_choosing(cards: Path) -> None:
    assert devices.choose_device("auto", gpu=True) == "cuda:0"
    assert devices.choose_device("cuda", gpu=True) == "cuda:0"
    assert devices.choose_device("cuda:1", gpu=True) == "cuda:1"
    assert devices.choose_device("auto", gpu=False) == "cpu"
    assert devices.choose_device("cpu", gpu=True) == "cpu"
    with pytest.raises(Refusal, match="processor only"):
        devices.choose_device("cuda", gpu=False)
    with pytest.raises(Refusal, match="choose auto, cpu, cuda:0, cuda:1"):
        devices.choose_device("mps", gpu=True)


def test_torch_is_not_imported() -> None:
    code = "import sys; from viewer.compute.devices import devices; devices(); print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "False"
