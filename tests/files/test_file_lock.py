"""A lock is held as long as its process lives, and no longer, whatever clocks and process ids say."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from viewer.files import file_lock
from viewer.files.file_lock import FileLock

HOLDS = """
import sys
from pathlib import Path
from viewer.files.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the lock until it is killed, at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def test_it_is_held_until_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path), pytest.raises(BlockingIOError) as taken:
        FileLock(path)
    assert taken.value.strerror.endswith(f" on {os.uname().nodename}")
    FileLock(path).release()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_is_suspended_still_has_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as other:
        other.send_signal(signal.SIGSTOP)
        with pytest.raises(BlockingIOError):
            FileLock(path)


def test_within_one_process_it_is_held_once(tmp_path: Path) -> None:
    first = FileLock(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        FileLock(tmp_path / "lock")
    first.release()
    first.release()
    FileLock(tmp_path / "lock").release()


def test_where_it_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "none" / "lock")


@pytest.mark.parametrize(
    ("owner", "taken"),
    [
        (f"me\t{file_lock.socket.gethostname()}\t{os.getpid()}", True),
        (f"me\t{file_lock.socket.gethostname()}\t999999999", False),
        ("me\tanother computer\t1", True),  # its own start will find out
        ("", False),
        ("\ufffd\t\x00", False),
    ],
    ids=["alive", "gone", "elsewhere", "nobody", "damaged"],
)
def test_a_file_system_without_locks_asks_for_the_process_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, taken: bool
) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(file_lock, "_lock", none)
    (tmp_path / "lock").write_text(owner)
    if taken:
        with pytest.raises(BlockingIOError):
            FileLock(tmp_path / "lock")
    else:
        FileLock(tmp_path / "lock").release()
