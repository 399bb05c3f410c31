"""Crashes, hangs, kills and cancels: they cost the job, never the queue, and leave nothing behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from engine_heard import children, engine_pid, posix, segments, submit

from viewer.compute.engine import engine_process as engine_process
from viewer.compute.engine.engine import Engine
from viewer.processes.shared_array import create_shared


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
    for _ in range(5):
        psutil.Process(engine_pid(shared_engine)).kill()  # the job may be handed to it before that is heard
        assert submit(shared_engine, "double", np.ones(3))[1].end()[0] == "done"


def test_a_lost_device_costs_the_process(shared_engine: Engine) -> None:
    """What computes on it can do no more in that process: the next job has a new one."""
    pid = engine_pid(shared_engine)
    kind, sentence, _ = submit(shared_engine, "lose_the_device")[1].end()
    assert kind == "failed"
    assert "cuda:0 stopped working" in sentence
    assert engine_pid(shared_engine) != pid


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
    end = time.monotonic() + 300  # a killed process is gone soon, not at once
    while (alive := lives(child)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@posix
def test_the_engine_ends_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from viewer.compute.engine.engine import Engine\n"
        "if __name__ == '__main__':\n"
        "    Engine().submit('engine_jobs:where', done=lambda where: print(where[0], flush=True))\n"
        "    time.sleep(60)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 300
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine still runs"
        time.sleep(0.05)


def test_neither_qt_nor_vtk_nor_torch_comes_with_it() -> None:
    code = (
        "import sys, viewer.compute.engine.engine, viewer.compute.engine.thread_queue; "
        "print([m for m in ('PySide6', 'vtkmodules', 'torch', 'SimpleITK', 'skimage') if m in sys.modules])"
    )
    root = Path(__file__).parents[3]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "[]"
