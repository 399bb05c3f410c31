"""`make gpu`: what it says without a graphics card, and its steps on the processor with tiny phantoms."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.compute.devices import Device

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("gpu")


@pytest.fixture
def failed(gpu: Any) -> Any:
    """Run a step here on the processor: the rows that did not pass, but for those of time."""

    def go(step: str, side: int) -> list[str]:
        rows = gpu.rows_of(step, "cpu", side)
        assert rows
        return [row.what for row in rows if not row.passed and ", ms" not in row.what and "seconds" not in row.what]

    return go


def test_without_a_card_it_says_so_and_is_content(gpu: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(gpu, "devices", lambda: (Device("cpu", "a processor", 1, 1),))
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert gpu.main() == 0
    assert capsys.readouterr().out == "There is no graphics card here: nothing to measure.\n"


def test_one_table_of_all_steps_and_the_exit_code(gpu: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    passed, slow = gpu.Row("speed", "2", "≤ 3"), gpu.Row("speed", "4", "≤ 3", False)
    rows = {"slices": passed, "cancel": slow}
    monkeypatch.setattr(gpu, "devices", lambda: (Device("cpu", "", 1, 1), Device("cuda:0", "A card", 2 << 20, 1 << 20)))
    monkeypatch.setattr(gpu, "run", lambda step, device, side: (step, 1.5, [rows[step]]))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--only", "slices"])
    assert gpu.main() == 0
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--only", "slices", "cancel"])
    assert gpu.main() == 1
    out = capsys.readouterr().out
    assert "cuda:0: A card, 2 MB, 1 MB free." in out
    assert "| slices | speed | 2 | ≤ 3 | passed |" in out
    assert "| cancel | speed | 4 | ≤ 3 | **not passed** |" in out
    assert "3 s, 1 not passed." in out


def test_all_steps_end_within_ten_minutes(gpu: Any) -> None:
    assert sum(seconds for _, seconds in gpu.STEPS.values()) < 600


def test_a_step_that_breaks_or_hangs_is_a_row(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step, _, (row,) = gpu.run("device", "cuda:99", 16)
    assert (step, row.passed, row.what) == ("device", False, "ended with exit code 1")
    assert "cuda:99" in row.measured
    monkeypatch.setitem(gpu.STEPS, "device", (gpu.STEPS["device"][0], 0.01))
    assert gpu.run("device", "cpu", 16)[2][0].what == "seconds until it was ended"


def test_a_step_gives_its_rows_through_its_process(gpu: Any) -> None:
    _, seconds, rows = gpu.run("device", "cpu", 16)
    assert seconds > 0
    assert len(rows) == 4
    assert all(row.passed for row in rows)


def test_the_ladder_tells_where_tiles_ran(gpu: Any) -> None:
    computing = import_module("gpu_computing")

    class Short:
        engine, precision = "numpy", "float32"

        def __init__(self, device: str = "cuda:0") -> None:
            self.device = device

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            if self.device != "cpu" and batch[0, 0].size > 48**3:
                raise MemoryError
            return batch

        def lighter(self, job: Any) -> Short | None:
            return Short("cpu") if self.device != "cpu" else None

    values = np.random.default_rng(0).normal(size=(1, 64, 64, 64)).astype(np.float32)
    result, rungs, job = computing.walked(Short(), values)
    assert list(rungs) == ["cuda:0"]
    assert rungs["cuda:0"] <= 48
    assert job.used.device == "cuda:0"
    assert computing.apart(result, values) < 1e-6


def test_tiles_on_the_processor(failed: Any) -> None:
    assert failed("memory", 16) == []


@pytest.mark.slow
@pytest.mark.parametrize(("step", "side"), [("network", 16), ("denoise", 32), ("register", 44), ("cancel", 32)])
def test_gates_on_the_processor(failed: Any, step: str, side: int) -> None:
    assert failed(step, side) == []


@pytest.mark.parametrize(("step", "side", "size"), [("slices", 48, 700), ("3-D", 24, 128)])
def test_pictures_without_a_display(
    failed: Any, monkeypatch: pytest.MonkeyPatch, step: str, side: int, size: int
) -> None:
    drawing = import_module("gpu_drawing")
    monkeypatch.setattr(drawing, "FRAMES", 2)
    monkeypatch.setattr(drawing, "SIZE", size)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert failed(step, side) == []
