from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from viewer.compute import process as engine_process
from viewer.compute.engine import Engine
from viewer.compute.runner import Runner
from viewer.compute.running import Running
from viewer.data.shared import FOLDER, PREFIX, create_shared, share

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")


class Heard:
    """Everything that was said of one job."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.over = threading.Event()
        self.begun = threading.Event()

    def listeners(self) -> dict[str, Any]:
        return {
            name: self._listener(name) for name in ("started", "progress", "preview", "done", "failed", "cancelled")
        }

    def _listener(self, name: str) -> Callable[..., None]:
        def listen(*what: Any) -> None:
            self.said.append((name, *what))
            if name in ("progress", "done", "failed", "cancelled"):
                self.begun.set()
            if name in ("done", "failed", "cancelled"):
                self.over.set()

        return listen

    def end(self, seconds: float = 30) -> tuple[Any, ...]:
        assert self.over.wait(seconds), f"no end of the job; heard {self.said}"
        return self.said[-1]


def submit(engine: Engine, function: str, *args: Any, **options: Any) -> tuple[Running, Heard]:
    heard = Heard()
    return engine.submit(f"engine_jobs:{function}", args, **options, **heard.listeners()), heard


def engine_pid(engine: Engine) -> int:
    return int(submit(engine, "where")[1].end()[1][0])


def segments() -> set[str]:
    return {path.name for path in FOLDER.glob(f"{PREFIX}{os.getpid()}-*")}


def children() -> set[int]:
    """Child processes, without the interpreter's own tracker of resources, which stays."""
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "resource_tracker" not in str(child.cmdline())
    }


@pytest.fixture(scope="module")
def shared_engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def runner() -> Iterator[Engine]:
    engine = Runner()
    yield engine
    engine.close()


@pytest.fixture(params=["engine", "runner"])
def either(request: pytest.FixtureRequest, shared_engine: Engine, runner: Engine) -> Engine:
    """The engine, or the runner in this process: a job cannot tell them apart."""
    return shared_engine if request.param == "engine" else runner


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_job_reports_and_returns(either: Engine, size: int) -> None:
    value = np.arange(size, dtype=np.int16)
    running, heard = submit(either, "double", value)
    assert heard.end()[0] == "done"
    assert np.array_equal(heard.said[-1][1], value * 2)
    assert [said[0] for said in heard.said if said[0] != "progress"] == ["started", "preview", "done"]
    assert [said[2] for said in heard.said if said[0] == "progress"] == [f"step {n}" for n in range(5)]
    assert np.array_equal(next(said[1] for said in heard.said if said[0] == "preview"), value[:1])
    assert running.state == "done"


def test_the_engine_is_another_process_without_torch(shared_engine: Engine) -> None:
    pid, device, torch = submit(shared_engine, "where")[1].end()[1]
    assert pid != os.getpid()
    assert device == "cpu"
    assert not torch
    assert engine_pid(shared_engine) == pid  # it stays for the next job


def test_each_device_has_its_own_process() -> None:
    engine = Engine()
    try:
        ends = [submit(engine, "where", device=device)[1].end()[1] for device in ("cpu", "cuda")]
        assert [end[1] for end in ends] == ["cpu", "cuda"]
        assert ends[0][0] != ends[1][0]
    finally:
        engine.close()


def test_an_input_cannot_be_written_to(either: Engine) -> None:
    value, _ = share(np.zeros(100_000))
    assert "read-only" in submit(either, "write_to", value)[1].end()[1]
    assert not value.any()


def test_progress_never_falls_and_ends_at_one(either: Engine) -> None:
    _, heard = submit(either, "fall_back")
    heard.end()
    assert [said[1] for said in heard.said if said[0] == "progress"] == [0.2, 0.6, 0.6, 1.0]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("refuse", "The image is too flat: choose one with several slices."),
        ("stumble", "Stumbling failed (KeyError: 'nothing'); see the log."),
        ("leave", "The job failed (SystemExit: 3); see the log."),
        pytest.param("eat_memory", "The job needs more memory than is free", marks=posix),
    ],
)
def test_a_failure_is_one_sentence(either: Engine, function: str, sentence: str) -> None:
    if function == "eat_memory" and isinstance(either, Runner):
        pytest.skip("the limit would hold for the tests as well")
    kind, text, detail = submit(either, function)[1].end()
    assert kind == "failed"
    assert text.startswith(sentence)
    assert "Traceback" not in text
    assert "Traceback" in detail
    assert submit(either, "double", np.ones(3))[1].end()[0] == "done"


def test_what_cannot_be_handed_over_is_said(shared_engine: Engine) -> None:
    assert "cannot be handed over" in submit(shared_engine, "unpicklable")[1].end()[1]
    assert "cannot be handed to the engine" in submit(shared_engine, "double", lambda: None)[1].end()[1]
    assert submit(shared_engine, "double", np.ones(3))[1].end()[0] == "done"


def test_standard_output_stays_clean(capfd: pytest.CaptureFixture[str], runner: Engine) -> None:
    submit(runner, "stumble")[1].end()
    assert "not for standard output" not in capfd.readouterr().out


def test_jobs_wait_for_each_other(either: Engine) -> None:
    order: list[int] = []
    heards = []
    for number in range(4):
        heard = Heard()
        either.submit("engine_jobs:walk", (0.05,), **heard.listeners() | {"started": lambda n=number: order.append(n)})
        heards.append(heard)
    assert [heard.end()[0] for heard in heards] == ["done"] * 4
    assert order == [0, 1, 2, 3]


def test_cancel_running_and_waiting(either: Engine) -> None:
    running, first = submit(either, "walk", 60)
    waiting, second = submit(either, "walk", 60)
    _, third = submit(either, "double", np.ones(3))
    assert first.begun.wait(30)
    waiting.cancel()
    assert second.end() == ("cancelled",)
    running.cancel()
    assert first.end() == ("cancelled",)
    assert third.end()[0] == "done"
    assert (running.state, waiting.state) == ("cancelled", "cancelled")


def test_a_deaf_job_is_killed_and_the_queue_survives(shared_engine: Engine) -> None:
    pid = engine_pid(shared_engine)
    running, heard = submit(shared_engine, "deaf", 60)
    _, next_one = submit(shared_engine, "where")
    assert heard.begun.wait(30)
    running.cancel()
    assert heard.end() == ("cancelled",)
    assert next_one.end()[1][0] != pid
    assert not psutil.pid_exists(pid)


@posix
@pytest.mark.parametrize(
    ("how", "word"), [("SIGKILL", "want of memory"), ("SIGSEGV", "Segmentation fault"), ("SIGABRT", "Aborted")]
)
def test_a_crash_costs_the_job_only(shared_engine: Engine, how: str, word: str) -> None:
    _, heard = submit(shared_engine, "die", how)
    _, next_one = submit(shared_engine, "double", np.ones(3))
    kind, sentence, _ = heard.end()
    assert kind == "failed"
    assert word in sentence
    assert next_one.end()[0] == "done"


@posix
def test_an_idle_engine_that_is_killed_is_replaced(shared_engine: Engine) -> None:
    psutil.Process(engine_pid(shared_engine)).kill()
    assert submit(shared_engine, "double", np.ones(3))[1].end()[0] in (
        "done",
        "failed",
    )  # killed while it was handed over
    assert submit(shared_engine, "double", np.ones(3))[1].end()[0] == "done"


@posix
def test_a_hung_process_is_noticed(shared_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = engine_pid(shared_engine)
    monkeypatch.setattr(engine_process, "PATIENCE", 1.0)
    _, heard = submit(shared_engine, "walk", 60)
    assert heard.begun.wait(30)
    psutil.Process(pid).suspend()
    kind, sentence, _ = heard.end()
    assert kind == "failed"
    assert "stopped answering" in sentence
    assert submit(shared_engine, "double", np.ones(3))[1].end()[0] == "done"


@posix
def test_code_that_holds_the_interpreter_is_not_hung(shared_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_pid(shared_engine)
    monkeypatch.setattr(engine_process, "PATIENCE", 0.7)
    assert submit(shared_engine, "hold_the_interpreter", 2.5)[1].end() == ("done", "done")


def test_random_cancels_leak_nothing() -> None:
    before, threads = children(), set(threading.enumerate())
    value, _ = create_shared((64, 64, 64), np.int16)
    mapped = segments()
    engine = Engine()
    chance = random.Random(1)
    ends = []
    for turn in range(20):
        function, args = ("double", (value,)) if turn % 3 else ("walk", (60,))
        running, heard = submit(engine, function, *args)
        time.sleep(chance.random() * 0.05)
        running.cancel()
        ends.append(heard.end()[0])
    assert "cancelled" in ends
    assert submit(engine, "double", value)[1].end()[0] == "done"
    engine.close()
    assert children() == before
    assert segments() == mapped
    assert set(threading.enumerate()) <= threads


@posix
def test_kills_in_the_middle_leave_nothing() -> None:
    before, mapped = children(), segments()
    engine = Engine()
    for _ in range(5):
        _, heard = submit(engine, "walk", 60)
        assert heard.begun.wait(30)
        for pid in children() - before:
            psutil.Process(pid).kill()
        assert heard.end()[0] == "failed"
    assert submit(engine, "double", np.ones(100_000))[1].end()[0] == "done"
    engine.close()
    assert children() == before
    assert segments() == mapped


def test_a_result_outlives_the_engine_and_can_be_sent_again() -> None:
    engine = Engine()
    first = submit(engine, "double", np.ones(100_000))[1].end()[1]
    assert len(segments()) >= 1
    running, heard = submit(engine, "deaf", 60)
    assert heard.begun.wait(30)
    running.cancel()
    assert heard.end() == ("cancelled",)
    assert np.array_equal(submit(engine, "double", first)[1].end()[1], first * 2)
    engine.close()
    first.setflags(write=True)
    first[0] = 7  # its memory is this process's


@posix
def test_what_a_job_started_goes_with_it(tmp_path: Path, shared_engine: Engine) -> None:
    file = tmp_path / "pid"
    running, heard = submit(shared_engine, "start_child", str(file))
    assert heard.begun.wait(30)
    running.cancel()
    heard.end()
    child = int(file.read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


@posix
def test_the_engine_ends_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from viewer.compute.engine import Engine\n"
        "if __name__ == '__main__':\n"
        "    Engine().submit('engine_jobs:where', done=lambda where: print(where[0], flush=True))\n"
        "    time.sleep(60)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine still runs"
        time.sleep(0.05)


def test_neither_qt_nor_vtk_nor_torch_comes_with_it() -> None:
    code = (
        "import sys, viewer.compute.engine, viewer.compute.runner; "
        "print([m for m in ('PySide6', 'vtkmodules', 'torch', 'SimpleITK', 'skimage') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "[]"
