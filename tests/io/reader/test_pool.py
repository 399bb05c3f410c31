from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Queue

import numpy as np
import psutil
import pytest

from tests.fixtures.dicom_phantom import ramp, write_series
from tests.io.asking import PATIENCE, call
from tests.io.misbehaviour import hang, spin
from viewer.data.grid import Grid
from viewer.data.study import Image, RefusedFile
from viewer.data.volume import Volume
from viewer.io import memory_budget
from viewer.io.reader.pool import PoolRequest
from viewer.io.reader.reader import Reader, index_now, load_now
from viewer.io.reader.request import Request, at_once
from viewer.processes.functions import name_of
from viewer.processes.shared_array import FOLDER, PREFIX, sweep_shared

GRID = Grid.of((9, 16, 20), (2.5, 0.7, 0.9), (-12, 4, 100))


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    write_series(folder, ramp(GRID.shape), GRID, RescaleSlope=1, RescaleIntercept=-1024)
    return folder


def test_a_cancel_stops_what_runs(reader: Reader) -> None:
    own = Reader(workers=1)
    try:
        _, before = call(own, "process")
        task = own.call(hang, done=pytest.fail, failed=pytest.fail)
        time.sleep(0.3)
        task.cancel()
        kind, after = call(own, "process")
        assert (kind, after != before) == ("done", True)
        assert not psutil.pid_exists(before)
    finally:
        own.close()


def test_calls_share_arrays_and_answer(reader: Reader) -> None:
    array = np.arange(100_000, dtype=np.int32).reshape(10, 100, 100)
    assert call(reader, "total", Volume(array, Grid.of((10, 100, 100)))) == ("done", float(array.sum()))


def test_failures_are_one_sentence_without_what_the_file_holds(reader: Reader) -> None:
    assert call(reader, "object_to") == ("failed", "This cannot be opened.")
    kind, reason = call(reader, "stumble")
    assert kind == "failed"
    assert "secret" not in reason


@pytest.mark.parametrize(("function", "words"), [("die", "crashed"), ("crash", "crashed"), ("hang", "longer than 1 s")])
def test_a_process_that_dies_or_hangs_is_replaced(function: str, words: str) -> None:
    own = Reader(workers=1)
    try:
        kind, reason = call(own, function, **({"seconds": 1.0} if function == "hang" else {}))
        assert kind == "failed"
        assert words in reason
        assert call(own, "process")[0] == "done"
    finally:
        own.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel keeps processes off the network on Linux only")
def test_a_process_has_no_network(reader: Reader) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)
        assert call(reader, "call_out", door.getsockname()[1]) == ("done", "1 -1 PermissionError")
        with pytest.raises(BlockingIOError):
            door.accept()


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is capped on Linux only")
def test_a_process_may_take_no_more_memory_than_allowed(reader: Reader) -> None:
    kind, reason = call(reader, "devour")
    assert kind == "failed"
    assert "memory" in reason


def test_a_process_stopped_at_a_file_costs_that_file_only(tmp_path: Path) -> None:
    grid = Grid.of((400, 4, 4), (1, 1, 1))
    write_series(tmp_path, ramp(grid.shape), grid)
    own = Reader(workers=1, seconds_per_file=1)
    try:
        _, process = call(own, "process")
        refused: list[RefusedFile] = []
        found: dict[str, list[Image]] = {}
        ended = threading.Event()
        os.kill(process, signal.SIGSTOP)
        own.index(
            [tmp_path / "im0997.dcm", tmp_path],
            found=found.__setitem__,
            labels=lambda labels: None,
            refused=refused.append,
            progress=lambda looked, total: None,
            done=ended.set,
        )
        assert ended.wait(PATIENCE)
        assert len(refused) == 1
        assert "took longer than 1 s" in refused[0].reason
        assert not psutil.pid_exists(process)
        assert found or refused[0].path == str(tmp_path)
    finally:
        own.close()


def test_what_is_no_exception_costs_a_sentence_and_no_process() -> None:
    own = Reader(workers=1)
    try:
        _, before = call(own, "process")
        kind, reason = call(own, "panic")
        assert kind == "failed"
        assert "secret" not in reason
        assert call(own, "process") == ("done", before)
    finally:
        own.close()


def test_a_process_that_computes_too_long_is_stopped_by_its_own_time_and_says_where() -> None:
    own = Reader(workers=1)
    told: Queue[tuple[int, str]] = Queue()
    try:
        unit = PoolRequest(
            Request(at_once), name_of(spin), (), pytest.fail, pytest.fail, lambda *why: told.put(why), computing=0.2
        )
        call(own, "process")  # from now on the import of its module does not count
        own._pool.call_soon(lambda: own._pool.add(unit))
        assert told.get(timeout=PATIENCE) == (3, "computed for longer than 0.2 s")
    finally:
        own.close()


def test_others_go_on_beside_what_hangs() -> None:
    own = Reader(workers=1)
    try:
        own.call(hang, done=pytest.fail, failed=pytest.fail)
        assert call(own, "process")[0] == "done"
    finally:
        own.close()


def test_an_answer_for_which_the_window_has_no_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "answer_bytes", lambda: 1 << 20)
    own = Reader(workers=1)
    try:
        kind, reason = call(own, "boast", 1 << 20)
        assert (kind, "room" in reason) == ("failed", True)
        assert call(own, "boast", 1 << 10) == ("done", bytes(1 << 10))
    finally:
        own.close()


def test_a_request_that_is_our_own_fault_blames_no_file(reader: Reader) -> None:
    for function in ("no_such_function", "total"):
        kind, reason = call(reader, function)
        assert kind == "failed"
        assert "damaged" not in reason
        assert "report it" in reason


def test_close_leaves_no_process_thread_or_segment(series: Path) -> None:
    before = {path.name for path in FOLDER.glob(f"{PREFIX}{os.getpid()}-*")}
    threads, children = set(threading.enumerate()), set(multiprocessing.active_children())
    own = Reader()
    images, _ = index_now([series], own)
    load_now(images[0], own)
    own.call(hang, done=pytest.fail, failed=pytest.fail)
    time.sleep(0.2)
    own.close()
    own.close()
    assert set(threading.enumerate()) <= threads
    assert set(multiprocessing.active_children()) <= children
    assert {path.name for path in FOLDER.glob(f"{PREFIX}{os.getpid()}-*")} <= before


ORPHANS = """
import sys, time
from viewer.io.reader.reader import Reader
from tests.io.asking import call
from tests.io.misbehaviour import hang
if __name__ == "__main__":
    reader = Reader()
    print(call(reader, "process")[1], flush=True)
    reader.call(hang, done=print, failed=print)
    time.sleep(1000)
"""


def test_the_processes_go_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(ORPHANS)
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    children = [
        one for one in psutil.Process(parent.pid).children(recursive=True) if "spawn_main" in str(one.cmdline())
    ]
    assert len(children) >= 1
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    sweep_shared()
    assert not list(FOLDER.glob(f"{PREFIX}{parent.pid}-*"))


def test_arguments_that_cannot_travel_fail_in_words(reader: Reader) -> None:
    kind, reason = call(reader, "total", lambda: None)
    assert kind == "failed"
    assert reason.endswith("report it.")
    assert call(reader, "process")[0] == "done"


def test_a_process_that_cannot_be_started_fails_in_words_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Reader(workers=1)
    try:
        with monkeypatch.context() as broken:
            broken.setattr(own._pool, "_start", lambda: (_ for _ in ()).throw(OSError(11, "no more processes")))
            assert call(own, "process") == (
                "failed",
                "The reader process cannot be started: close other programs and try again.",
            )
        assert call(own, "process")[0] == "done"
    finally:
        own.close()
