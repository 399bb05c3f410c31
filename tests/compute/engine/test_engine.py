"""A job from submission to its end, in the engine process and in this one."""

from __future__ import annotations

import os

import numpy as np
import pytest
from engine_heard import Heard, engine_pid, posix, submit

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.thread_queue import Runner
from viewer.processes.shared_array import share


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


def test_what_somebody_waits_for_goes_before_batches(either: Engine) -> None:
    order: list[str] = []
    heards = []
    names = [("first", "batch"), ("b1", "batch"), ("i1", "interactive"), ("b2", "batch"), ("i2", "interactive")]
    running, blocker = submit(either, "walk", 60)
    assert blocker.begun.wait(30)
    for name, priority in names:
        heard = Heard()
        listeners = heard.listeners() | {"started": lambda name=name: order.append(name)}
        either.submit("engine_jobs:walk", (0.01,), priority=priority, **listeners)
        heards.append(heard)
    running.cancel()
    assert [heard.end()[0] for heard in heards] == ["done"] * 5
    assert order == ["i1", "i2", "first", "b1", "b2"]
