"""What may be taken is what the control group allows, not what the machine has."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from viewer.files import memory_limit
from viewer.files.memory_limit import available_memory, release_freed_memory, total_memory

GIGABYTE = 1 << 30


def group(folder: Path, newer: bool, limit: object, used: int, cached: int = 0) -> None:
    """The files of one control group."""
    folder.mkdir(parents=True, exist_ok=True)
    names = memory_limit.NEWER if newer else memory_limit.OLDER
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cached}\n")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 64 GB, of which 48 are free."""
    monkeypatch.setattr(memory_limit, "PROC", tmp_path / "cgroup")
    monkeypatch.setattr(memory_limit, "MOUNT", tmp_path / "sys")
    machine = psutil.virtual_memory()._replace(total=64 * GIGABYTE, available=48 * GIGABYTE)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    return tmp_path


def test_without_groups_it_is_the_machine(groups: Path) -> None:
    assert (total_memory(), available_memory()) == (64 * GIGABYTE, 48 * GIGABYTE)


def test_a_group_of_version_2(groups: Path) -> None:
    (groups / "cgroup").write_text("0::/user.slice/job\n")
    group(groups / "sys" / "user.slice" / "job", True, 8 * GIGABYTE, 3 * GIGABYTE, cached=GIGABYTE)
    assert (total_memory(), available_memory()) == (8 * GIGABYTE, 6 * GIGABYTE)


def test_a_group_of_version_1_among_other_controllers(groups: Path) -> None:
    (groups / "cgroup").write_text("9:name=systemd:/\n4:cpu,memory:/batch/job\n1:cpuset:/\n0::/\n")
    group(groups / "sys" / "memory" / "batch" / "job", False, 4 * GIGABYTE, 3 * GIGABYTE)
    assert (total_memory(), available_memory()) == (4 * GIGABYTE, GIGABYTE)


@pytest.mark.parametrize("newer", [True, False])
def test_the_narrowest_of_those_it_lies_in_counts(groups: Path, newer: bool) -> None:
    (groups / "cgroup").write_text("0::/a/b/c\n" if newer else "4:memory:/a/b/c\n")
    root = groups / "sys" if newer else groups / "sys" / "memory"
    group(root / "a", newer, 10 * GIGABYTE, 9 * GIGABYTE)
    group(root / "a" / "b", newer, "max" if newer else 9223372036854771712, 2 * GIGABYTE)
    group(root / "a" / "b" / "c", newer, 6 * GIGABYTE, GIGABYTE)
    assert (total_memory(), available_memory()) == (6 * GIGABYTE, GIGABYTE)


def test_a_container_sees_itself_as_the_root(groups: Path) -> None:
    (groups / "cgroup").write_text("4:memory:/docker/0123456789abcdef\n")
    group(groups / "sys" / "memory", False, 2 * GIGABYTE, GIGABYTE)
    assert (total_memory(), available_memory()) == (2 * GIGABYTE, GIGABYTE)


def test_a_group_that_is_over_its_limit_has_nothing_left(groups: Path) -> None:
    (groups / "cgroup").write_text("0::/job\n")
    group(groups / "sys" / "job", True, GIGABYTE, 2 * GIGABYTE)
    assert available_memory() == 0


@pytest.mark.parametrize("text", ["max", "", "much", "1 2"])
def test_what_tells_no_limit_is_none(groups: Path, text: str) -> None:
    (groups / "cgroup").write_text("0::/job\n")
    group(groups / "sys" / "job", True, text, GIGABYTE)
    assert (total_memory(), available_memory()) == (64 * GIGABYTE, 48 * GIGABYTE)


def test_a_limit_counts_also_where_nothing_is_told_of_caches(groups: Path) -> None:
    (groups / "cgroup").write_text("0::/job\n")
    group(groups / "sys" / "job", True, 3 * GIGABYTE, GIGABYTE)
    (groups / "sys" / "job" / "memory.stat").unlink()
    assert available_memory() == 2 * GIGABYTE


@pytest.fixture
def real_group() -> Iterator[Path]:
    """A control group of 400 MB of this machine."""
    root = next((one for one in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")) if one.is_dir()), None)
    if root is None:
        pytest.skip("there are no control groups here")
    made = root / f"tomolens-test-{os.getpid()}"
    limit = memory_limit.OLDER[0] if root.name == "memory" else memory_limit.NEWER[0]
    try:
        made.mkdir()
        (made / limit).write_text(str(400 << 20))
    except OSError:
        if made.is_dir():
            made.rmdir()
        pytest.skip("no control group can be made here")
    yield made
    made.rmdir()


ASKED = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from viewer.files.memory_limit import available_memory, total_memory
from viewer.compute.engine.job import Job
from viewer.compute.progress import Refusal
print(total_memory(), available_memory())
try:
    Job().need(300 << 20, "the result")
    Job().need(500 << 20, "the result")
except Refusal as refused:
    print(refused)
"""


def test_in_a_real_group_every_budget_is_the_groups(real_group: Path) -> None:
    asked = [sys.executable, "-c", ASKED, str(real_group)]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120)
    numbers, refused = done.stdout.splitlines()
    total, free = map(int, numbers.split())
    assert total == 400 << 20
    assert 300 << 20 < free < total
    assert refused.startswith("there is not enough memory for the result: it needs 500 MB, and 3")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_what_was_freed_below_a_small_block_is_given_back() -> None:
    own = psutil.Process()
    blocks = [bytearray(b"x") * 100_000 for _ in range(1000)]
    above = [bytearray(2000) for _ in range(1000)]
    full = own.memory_info().rss
    blocks.clear()
    release_freed_memory()
    assert full - own.memory_info().rss > 60e6
    assert len(above) == 1000
