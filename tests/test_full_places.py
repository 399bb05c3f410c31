"""Disks that are full, read-only or of others, and shared memory that is full: one sentence each, nothing half."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
NOBODY = 65534
CURES = {  # what a sentence of each kind of refusal says, of those that save, and of those that write on and on
    "full": ("the disk is full: free about", "No space left on device"),
    "read-only": ("that place is read-only: choose another one", "Read-only file system"),
    "denied": ("you may not write there: choose another place", "Permission denied"),
}


def ran(script: str, *arguments: str, before: tuple[str, ...] = (), home: Path) -> Any:
    """What a script of the fixtures prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TOMOLENS_HOME": str(home)}
    command = [*before, sys.executable, str(FIXTURES / script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def case(folder: Path) -> Path:
    """A task list of one case lies in it."""
    (folder / "case_a").mkdir(parents=True)
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16)), str(folder / "case_a" / "image.nii.gz"))
    return folder


@pytest.fixture
def others() -> Iterator[Path]:
    """A folder that everybody may look into and nobody else may write to."""
    folder = Path(tempfile.mkdtemp())
    case(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="file systems and users of POSIX")
@pytest.mark.parametrize("kind", list(CURES))
def test_everything_that_writes_says_in_one_sentence_why_it_cannot(
    kind: str, mounted: Callable[[str], Path], others: Path, tmp_path: Path
) -> None:
    folder, user = others, 0
    if kind == "denied":
        user = NOBODY if os.geteuid() == 0 else 0
        os.chmod(folder, 0o755 if user else 0o555)
    else:
        folder = case(mounted("size=128k"))
        if kind == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        else:
            ballast(folder)
    found = ran("refused_writers.py", str(folder), str(case(tmp_path / "fine")), str(user), home=tmp_path / "home")
    assert not any(found["fine"].values()), found["fine"]
    saved, went_on = CURES[kind]
    for writer, said in found["said"].items():
        assert len(said) == 1, (writer, said)
        assert (went_on if writer in ("audit", "journal") else saved) in said[0]
        assert "Errno" not in said[0]
        assert said[0].endswith(".")
    assert set(found["left"]) <= {"tomolens-review", "audit.jsonl", "journal"}  # what was there to write into


def ballast(folder: Path) -> None:
    """Leave no page free."""
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def test_full_shared_memory_is_a_sentence_and_no_bus_error(tmp_path: Path) -> None:
    """An image of 4 MB fits into 6 MB; one of 11 MB does not, nor what a plugin makes of the first."""
    alone = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=6m tmpfs /dev/shm && exec "$@"', "sh")
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("no shared memory of our own can be had here")
    said = ran("full_shared_memory.py", str(tmp_path), before=alone, home=tmp_path / "home")
    assert (said["small"], said["values"], said["layers"]) == ("done", "{1}", "1")
    assert said["large"].startswith("1.nii.gz: there is no room for 11 MB of shared memory in /dev/shm (No space left")
    assert said["large"].endswith("close other images and open it again.")
    assert said["run"].endswith("needs more memory than is free: close other images or programs, then run it again.")
