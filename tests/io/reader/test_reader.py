from __future__ import annotations

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
from tests.io.asking import PATIENCE, call, eventually
from viewer.data.grid import Grid
from viewer.data.study import Image
from viewer.data.volume import Volume
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now
from viewer.processes.shared_array import handle_of, share

GRID = Grid.of((9, 16, 20), (2.5, 0.7, 0.9), (-12, 4, 100))


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
        labels=lambda labels: None,
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


def test_a_load_whose_process_hangs_fails_in_words_and_the_next_one_works(series: Path) -> None:
    own = Reader(workers=1, seconds_per_file=1)
    try:
        (image,), _ = index_now([series], own)
        _, process = call(own, "process")
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(OpenError, match=r"im\d+\.dcm was left out: the reader process took longer than 1 s"):
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


def test_the_window_side_imports_no_parser() -> None:
    script = (
        "import sys, viewer.io.reader.reader; print({'pydicom', 'SimpleITK', 'PySide6', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_no_answer_comes_after_the_end(series: Path) -> None:
    waiting: list[Any] = []
    answered: list[str] = []
    reader = Reader(waiting.append)
    reader.index(
        [series],
        found=lambda key, images: answered.append(key),
        labels=lambda labels: None,
        refused=lambda refused: None,
        progress=lambda count, total: None,
        done=lambda: answered.append("done"),
    )
    end = time.monotonic() + 300
    while not waiting and time.monotonic() < end:
        time.sleep(0.01)
    reader.close()
    assert waiting
    for answer in waiting:
        answer()
    assert answered == []
