from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.fixtures.dicom_phantom import ramp, write_enhanced, write_series
from viewer.data.grid import Grid
from viewer.data.shared import FOLDER, PREFIX, handle_of, share
from viewer.data.study import Image, Refused
from viewer.data.volume import Volume
from viewer.io.reader import OpenError, Reader, index_now, load_now

GRID = Grid.of((9, 16, 20), (2.5, 0.7, 0.9), (-12, 4, 100))
HERE = "tests.io.misbehaviour"
PATIENCE = 30.0


def call(reader: Reader, function: str, *arguments: Any, **options: Any) -> tuple[str, Any]:
    """Reader.call, waited for: ("done", result) or ("failed", sentence)."""
    answers: list[tuple[str, Any]] = []
    ended = threading.Event()

    def answer(kind: str, value: Any) -> None:
        answers.append((kind, value))
        ended.set()

    reader.call(
        f"{HERE}:{function}",
        *arguments,
        done=lambda value: answer("done", value),
        failed=lambda reason: answer("failed", reason),
        **options,
    )
    assert ended.wait(PATIENCE)
    return answers[0]


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    write_series(folder, ramp(GRID.shape), GRID, RescaleSlope=1, RescaleIntercept=-1024)
    return folder


def test_a_series_is_read_voxel_for_voxel(reader: Reader, series: Path) -> None:
    (image,), refused = index_now([series], reader)
    (volume,) = load_now(image, reader)
    assert not refused
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, ramp(GRID.shape))
    assert volume.grid.matches(Grid.of(GRID.shape, GRID.spacing, GRID.origin, frame_of_reference=""))
    assert (volume.slope, volume.intercept, volume.unit) == (1, -1024, "HU")


def test_pixels_lie_in_shared_memory_and_are_not_copied_again(reader: Reader, tmp_path: Path) -> None:
    array = ramp((3, 4, 5, 6)).astype(np.uint16)
    path = write_enhanced(tmp_path / "enhanced.dcm", array, Grid.of((4, 5, 6), (2, 1, 1)))
    (image,), _ = index_now([path], reader)
    volumes = load_now(image, reader)
    assert len(volumes) == 3
    for volume, expected in zip(volumes, array, strict=True):
        np.testing.assert_array_equal(volume.array, expected)
        assert handle_of(volume.array) is not None
        assert share(volume.array)[0] is volume.array


def test_the_middle_slice_is_there_first_and_the_rest_follows(reader: Reader, tmp_path: Path) -> None:
    grid = Grid.of((60, 600, 600), (1, 1, 1))
    array = ramp(grid.shape)
    write_series(tmp_path, array, grid)
    (image,), _ = index_now([tmp_path], reader)
    events: list[tuple[str, Any]] = []
    ended = threading.Event()

    def started(volumes: tuple[Volume, ...]) -> None:
        events.append(("started", volumes))
        np.testing.assert_array_equal(volumes[0].array[30], array[30])

    def done(volumes: tuple[Volume, ...]) -> None:
        events.append(("done", volumes))
        ended.set()

    reader.load(
        image,
        started=started,
        filled=lambda fraction: events.append(("filled", fraction)),
        done=done,
        failed=lambda reason: events.append(("failed", reason)),
    )
    assert ended.wait(PATIENCE)
    fractions = [value for kind, value in events if kind == "filled"]
    assert [events[0][0], events[-1][0]] == ["started", "done"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert events[0][1][0].array is events[-1][1][0].array
    np.testing.assert_array_equal(events[-1][1][0].array, array)


def test_results_come_while_it_indexes(reader: Reader, tmp_path: Path) -> None:
    small = Grid.of((40, 4, 4), (1, 1, 1))
    for number in range(8):
        write_series(tmp_path / str(number), ramp(small.shape), small, SeriesInstanceUID=f"1.2.3.{number}")
    found: list[tuple[str, list[Image]]] = []
    progress: list[tuple[int, int]] = []
    ended = threading.Event()
    reader.index(
        [tmp_path],
        found=lambda key, images: found.append((key, images)),
        refused=lambda refused: pytest.fail(refused.reason),
        progress=lambda looked, total: progress.append((looked, total)),
        done=ended.set,
    )
    assert ended.wait(PATIENCE)
    final = dict(found)
    assert {key: images[0].grid.shape for key, images in final.items()} == {
        f"1.2.3.{number}": small.shape for number in range(8)
    }
    assert progress[-1] == (320, 320)
    assert len(found) > len(final)


def test_nothing_comes_after_a_cancel(reader: Reader, series: Path) -> None:
    (image,), _ = index_now([series], reader)
    answers: list[Any] = []
    posted: list[Callable[[], None]] = []
    own = Reader(posted.append, workers=1)
    try:
        task = own.load(
            image, started=answers.append, filled=answers.append, done=answers.append, failed=answers.append
        )
        assert eventually(lambda: len(posted) >= 3)
        task.cancel()
        for function in posted:
            function()
        assert answers == []
        assert task.done
    finally:
        own.close()


def test_a_cancel_stops_what_runs(reader: Reader) -> None:
    own = Reader(workers=1)
    try:
        _, before = call(own, "process")
        task = own.call(f"{HERE}:hang", done=pytest.fail, failed=pytest.fail)
        time.sleep(0.3)
        task.cancel()
        begun = time.monotonic()
        kind, after = call(own, "process")
        assert (kind, after != before) == ("done", True)
        assert time.monotonic() - begun < PATIENCE
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
        refused: list[Refused] = []
        found: dict[str, list[Image]] = {}
        ended = threading.Event()
        os.kill(process, signal.SIGSTOP)
        own.index(
            [tmp_path / "im0997.dcm", tmp_path],
            found=found.__setitem__,
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


def test_a_load_whose_process_hangs_fails_in_words_and_the_next_one_works(series: Path) -> None:
    own = Reader(workers=1, seconds_per_file=1)
    try:
        (image,), _ = index_now([series], own)
        _, process = call(own, "process")
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(OpenError, match=r"im\d+\.dcm: the reader had to be stopped \(took longer than 1 s\)"):
            load_now(image, own)
        np.testing.assert_array_equal(load_now(image, own)[0].array, ramp(GRID.shape))
    finally:
        own.close()


def test_a_file_that_changed_is_not_read_with_the_old_plan(reader: Reader, tmp_path: Path) -> None:
    paths = write_series(tmp_path, ramp(GRID.shape), GRID)
    (image,), _ = index_now([tmp_path], reader)
    paths[4].write_bytes(paths[4].read_bytes() + b"\0\0")
    with pytest.raises(OpenError, match="has changed since it was indexed"):
        load_now(image, reader)


def test_an_image_too_large_for_the_memory_is_refused_before_it_is_allocated(
    reader: Reader, series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (image,), _ = index_now([series], reader)
    free = psutil.virtual_memory()._replace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(OpenError, match=r"needs .* of memory but only"):
        load_now(image, reader)


def test_thumbnails_are_small_windowed_and_have_the_pixels_aspect(reader: Reader, tmp_path: Path) -> None:
    grid = Grid.of((5, 200, 400), (1, 2, 1))
    array = np.zeros(grid.shape, np.int16)
    array[:, :, 200:] = 1000
    write_series(tmp_path, array, grid)
    (image,), _ = index_now([tmp_path], reader)
    pictures: list[Any] = []
    ended = threading.Event()
    reader.thumbnail(image, done=lambda one: (pictures.append(one), ended.set())[0], failed=pytest.fail)
    assert ended.wait(PATIENCE)
    assert pictures[0].shape == (96, 96)
    assert pictures[0].dtype == np.uint8
    assert (pictures[0][:, :40] == 0).all()
    assert (pictures[0][:, 56:] == 255).all()


def test_close_leaves_no_process_thread_or_segment(series: Path) -> None:
    before = {path.name for path in FOLDER.glob(f"{PREFIX}{os.getpid()}-*")}
    threads, children = set(threading.enumerate()), set(multiprocessing.active_children())
    own = Reader()
    images, _ = index_now([series], own)
    load_now(images[0], own)
    own.call(f"{HERE}:hang", done=pytest.fail, failed=pytest.fail)
    time.sleep(0.2)
    own.close()
    own.close()
    assert set(threading.enumerate()) <= threads
    assert set(multiprocessing.active_children()) <= children
    assert {path.name for path in FOLDER.glob(f"{PREFIX}{os.getpid()}-*")} <= before


ORPHANS = """
import sys, time
from viewer.io.reader import Reader
from tests.io.test_reader import call
if __name__ == "__main__":
    reader = Reader()
    print(call(reader, "process")[1], flush=True)
    reader.call("tests.io.misbehaviour:hang", done=print, failed=print)
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


def test_the_window_side_imports_no_parser() -> None:
    script = "import sys, viewer.io.reader; print({'pydicom', 'SimpleITK', 'PySide6', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
