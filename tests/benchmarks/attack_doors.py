"""Doors that are not of viewer.io, as functions that a reader process can run: see tests/benchmarks/attack.py."""

from __future__ import annotations

import os
from pathlib import Path

from viewer.cli.headless_session import HeadlessStage, finish
from viewer.compute.loaders.open_model import open_model


def model(path: Path) -> str:
    """Describe a foreign model; nothing of it runs."""
    with open_model(path) as found:
        return type(found).__name__


def journals(home: Path) -> int:
    """Bring back the work of sessions that were killed; how many there were."""
    os.environ["TOMOLENS_HOME"] = str(home)
    with HeadlessStage() as stage:
        found = stage.session.recovery.unfinished()
        for one in found:
            finish(stage, stage.session.recovery.recover(one))
    return len(found)
