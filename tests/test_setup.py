"""The set-up: the same versions on every machine, and a check that fails when a test does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
CUDA = re.compile(r"nvidia-|cuda-|triton")  # pinned by torch, where its CUDA build is installed


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def installed(name: str, extras: set[str], seen: set[str]) -> Iterator[tuple[str, str]]:
    """Names and versions of everything that a package brings with it on this machine."""
    for text in distribution(name).requires or ():
        needed = Requirement(text)
        wanted = needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in {"", *extras})
        key = canonicalize_name(needed.name)
        if not wanted or key in seen or CUDA.match(key):
            continue
        seen.add(key)
        yield key, distribution(key).version.split("+")[0]
        yield from installed(key, set(needed.extras), seen)


def test_every_package_is_installed_in_its_pinned_version() -> None:
    try:
        found = dict(installed("tomolens", {"sample", "dev"}, set()))
    except PackageNotFoundError as error:
        pytest.fail(f"{error} is not installed: run make again")
    versions = pinned()
    assert len(found) > 50
    assert {name: version for name, version in found.items() if versions.get(name) != version} == {}


@pytest.mark.parametrize("data", [True, False], ids=["with data", "without data"])
def test_the_check_passes_on_data_and_failure(tmp_path: Path, data: bool) -> None:
    """With a `make` that tells how it was called, and fails."""
    folder = tmp_path / "shared" / "data"
    script = tmp_path / "checkout" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", script)
    if data:
        folder.mkdir(parents=True)
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text('#!/bin/sh\necho "$PWD $* [$TOMOLENS_DATA]"\nexit 7\n')
    make.chmod(0o755)
    surroundings = {key: value for key, value in os.environ.items() if key != "TOMOLENS_DATA"}
    surroundings["PATH"] = f"{make.parent}:{os.environ['PATH']}"
    run = subprocess.run([script], env=surroundings, cwd="/", capture_output=True, text=True)
    assert run.returncode == 7
    assert run.stdout.strip() == f"{tmp_path}/checkout test [{folder if data else ''}]"
