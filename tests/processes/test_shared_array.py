"""Shared memory: one copy that several processes see, and nothing left behind by those that end, are killed or fail."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewer.processes import shared_array
from viewer.processes.shared_array import (
    SharedHandle,
    adopt_shared,
    attach_shared,
    create_shared,
    drop_shared,
    handle_of,
    open_shared,
    share,
    sweep_owner,
    sweep_shared,
    write_shared,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A memory file system of the test's own, so that other programs' segments neither count nor suffer."""
    monkeypatch.setattr(shared_array, "FOLDER", tmp_path)
    return tmp_path


def segments(folder: Path) -> list[str]:
    gc.collect()
    return [path.name for path in folder.iterdir() if path.name.startswith(shared_array.PREFIX)]


def in_another_process(folder: Path, program: str, *, killed: bool = False) -> Any:
    """Run a program with `shared` imported and pointed at the folder; what it puts into `answer` comes back pickled."""
    text = (
        "import os, pickle, signal, sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from viewer.processes import shared_array\n"
        f"shared_array.FOLDER = Path({str(folder)!r})\nanswer = None\n{program}\n"
        "sys.stdout.buffer.write(pickle.dumps(answer)); sys.stdout.flush()\n"
        + ("os.kill(os.getpid(), signal.SIGKILL)" if killed else "")
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, cwd=root, timeout=600)
    assert run.returncode == (-9 if killed else 0), run.stderr.decode()
    return pickle.loads(run.stdout)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.integers(1, 6), max_size=4), st.sampled_from(["u1", "i2", ">u2", "f4", "f8", "?"]))
def test_a_new_array_is_zero_and_seen_by_who_attaches(shape: list[int], dtype: str) -> None:
    array, handle = create_shared(tuple(shape), dtype)
    assert (array.shape, array.dtype) == (tuple(shape), np.dtype(dtype))
    assert not array.any()
    array[...] = 1
    other = attach_shared(pickle.loads(pickle.dumps(handle)))
    assert np.array_equal(other, array)
    other[...] = 0
    assert not array.any()


def test_another_process_sees_and_changes_the_same_pixels(folder: Path) -> None:
    array, handle = create_shared((2, 3, 4), np.int16)
    array[1, 2, 3] = -1024
    program = f"a = shared_array.attach_shared(shared_array.{handle!r}); answer = int(a[1, 2, 3]); a[0, 0, 0] = 77"
    assert in_another_process(folder, program) == -1024
    assert array[0, 0, 0] == 77


def test_the_segment_goes_with_the_owner_and_not_with_who_attached(folder: Path) -> None:
    array, handle = create_shared((8,), np.uint8)
    view = attach_shared(handle)[2:]
    del view
    assert segments(folder) == [handle.name]
    part = array[3:]
    del array
    assert segments(folder) == [handle.name]  # a part of the array keeps it
    del part
    assert not segments(folder)
    with pytest.raises(FileNotFoundError):
        attach_shared(handle)


def test_an_array_stays_readable_after_its_segment_was_removed() -> None:
    array, handle = create_shared((4,), np.uint8)
    other = attach_shared(handle)
    array[...] = 9
    del array
    gc.collect()
    assert other.tolist() == [9, 9, 9, 9]


def test_an_adopted_segment_outlives_its_maker(folder: Path) -> None:
    handle = in_another_process(folder, "a, answer = shared_array.create_shared((5,), 'i4', own=False); a[...] = 3")
    assert segments(folder) == [handle.name]
    array = adopt_shared(handle)
    assert array.tolist() == [3] * 5
    assert sweep_shared() == 0
    del array
    assert not segments(folder)
    with pytest.raises(FileNotFoundError):
        adopt_shared(handle)


def test_what_a_killed_process_left_is_swept_and_nothing_else(folder: Path) -> None:
    pid, name = in_another_process(
        folder, "a, h = shared_array.create_shared((5,), 'i4'); answer = os.getpid(), h.name", killed=True
    )
    mine, handle = create_shared((5,), np.uint8)
    stranger = folder / "not-a-segment"
    stranger.touch()
    assert set(segments(folder)) == {name, handle.name}
    assert sweep_shared() == 1
    assert segments(folder) == [handle.name]
    assert stranger.exists()
    assert sweep_owner(pid) == 0
    assert sweep_owner(os.getpid()) == 1
    assert mine.tolist() == [0] * 5


@pytest.mark.parametrize("shape", [(1 << 30, 1 << 30), (1 << 40, 1 << 40), (1 << 21, 1 << 21, 1 << 22)])
def test_what_the_machine_cannot_hold_is_a_memory_error_and_leaves_nothing(
    folder: Path, shape: tuple[int, ...]
) -> None:
    with pytest.raises(MemoryError, match="shared memory"):
        create_shared(shape, np.uint16)
    assert not segments(folder)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no memory file system")
def test_a_full_memory_file_system_is_a_memory_error_not_a_bus_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_array, "FOLDER", Path("/dev/shm"))
    free = os.statvfs("/dev/shm")
    before = list(Path("/dev/shm").glob(f"{shared_array.PREFIX}{os.getpid()}-*"))
    with pytest.raises(MemoryError, match="No space left"):
        create_shared(((free.f_blocks + 1) * free.f_frsize,), np.uint8)
    assert list(Path("/dev/shm").glob(f"{shared_array.PREFIX}{os.getpid()}-*")) == before


def test_share_copies_only_what_is_not_shared_yet() -> None:
    plain = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    copy, handle = share(plain)
    assert np.array_equal(copy, plain)
    assert not np.shares_memory(copy, plain)
    again, same = share(copy)
    assert again is copy
    assert same == handle


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.integers(0, 3))
def test_one_time_point_of_several_has_a_handle_of_its_own(point: int) -> None:
    array, _ = create_shared((4, 50, 60, 3), np.int16)
    array[...] = np.arange(4)[:, None, None, None]
    part = array[point]
    handle = handle_of(part)
    assert handle is not None
    assert handle.offset == point * part.nbytes
    other = attach_shared(handle)
    assert np.array_equal(other, part)
    again = handle_of(other[1:2])
    assert again is not None
    assert again.offset == handle.offset + other[:1].nbytes


def strangers() -> Iterator[np.ndarray]:
    array, _ = create_shared((4, 5), np.int16)
    yield array[:, 1:]
    yield array.T
    yield array[::2]
    yield np.zeros(3)
    yield np.frombuffer(b"abc", np.uint8)


@pytest.mark.parametrize("place", range(5))
def test_what_does_not_lie_whole_in_a_segment_has_no_handle(place: int) -> None:
    array = list(strangers())[place]
    assert handle_of(array) is None
    copy, handle = share(array)
    assert np.array_equal(attach_shared(handle), array)
    assert not np.shares_memory(copy, array)


def test_pixels_written_as_to_a_file_are_in_the_array() -> None:
    array, handle = create_shared((3, 4), np.int32)
    with open_shared(handle) as segment:
        write_shared(segment, 1 * 4 * 4, np.arange(4, dtype=np.int32)[::-1])
    assert array.tolist() == [[0] * 4, [3, 2, 1, 0], [0] * 4]


def test_dropping_twice_is_no_error(folder: Path) -> None:
    array, handle = create_shared((3,), np.uint8, own=False)
    del array
    assert segments(folder) == [handle.name]
    drop_shared(handle)
    drop_shared(handle)
    assert not segments(folder)


def test_the_handle_tells_no_path() -> None:
    _, handle = create_shared((3,), np.uint8)
    assert isinstance(handle, SharedHandle)
    assert "/" not in handle.name
