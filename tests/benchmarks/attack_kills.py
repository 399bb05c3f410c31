"""Kills (SIGKILL) of readers, the engine and the window at random moments, with studies open: see attack.py."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.kills import STEPS, killed, recovered, tell
from tests.fixtures.compressed import SYNTAXES, picture, write_compressed
from tests.fixtures.dicom_phantom import ramp, write_series
from tests.fixtures.painter import Painter, digest
from viewer.cli.headless_session import HeadlessStage, Stage, finish
from viewer.cli.virtual_display import ensure_display
from viewer.data.grid import Grid
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now

GRID = Grid.of((60, 128, 128), (1, 1, 1))


def reader_kills(count: int, seed: int) -> int:
    """Readers die while studies are read; how often one was not read at the next attempt, or nothing was said."""
    if not count:
        return 0
    chance, ends = random.Random(seed), {"read": 0, "refused in a sentence": 0, "read at the next attempt": 0}
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        write_series(folder / "raw", ramp(GRID.shape), GRID)
        for k in range(24):
            place = {"ImagePositionPatient": [0, 0, k]}
            write_compressed(folder / "packed" / f"{k}.dcm", picture(128, 128), SYNTAXES[k % 4], **place)
        reader, over = Reader(), threading.Event()
        killer = threading.Thread(target=_kill_readers, args=(count, chance, over), daemon=True)
        killer.start()
        while killer.is_alive():
            ends["read" if _read(folder, reader) else "refused in a sentence"] += 1
        ends["read at the next attempt"] = _read(folder, reader)
        reader.close()
    print(f"\n{count} kills of readers at work: {ends}", flush=True)
    return int(not ends["read at the next attempt"])


def _read(folder: Path, reader: Reader) -> bool:
    images, refused = index_now([folder], reader)
    said = [one.reason for one in refused]
    for image in images:
        try:
            load_now(image, reader, whole=True)
        except OpenError as error:
            said.append(str(error))
    assert all(one.endswith(".") for one in said), said
    return not said


def _kill_readers(count: int, chance: random.Random, over: threading.Event) -> None:
    own = psutil.Process()
    while count:
        time.sleep(chance.uniform(0.2, 2))
        alive = [one for one in own.children() if "spawn_main" in " ".join(one.cmdline())]
        if alive:
            chance.choice(alive).kill()
            count -= 1


def engine_kills(count: int, seed: int) -> int:
    """As tests/benchmarks/robustness.py: the next job runs, in a new process."""
    if count:
        from tests.benchmarks import robustness

        robustness.kills(count)
    return 0


# ---- the window
def _open(stage: Stage, study: Path) -> None:
    """A study is opened and shown, as everything else that follows lies over it."""
    finish(stage, stage.session.studies.open([study]))
    for images in list(stage.session.studies.images.values()):
        for image in images:
            finish(stage, stage.session.studies.load(image))


def _truth(folder: Path, study: Path, seed: int) -> list[int]:
    """What is there after each step."""
    os.environ["TOMOLENS_HOME"] = str(folder)
    with HeadlessStage() as stage:
        found = [digest(stage.session.document)]
        _open(stage, study)
        found.append(digest(stage.session.document))
        Painter(stage, seed, lambda: found.append(digest(stage.session.document))).work(STEPS)
    return found


def _work(study: Path, seed: int, start: int) -> None:
    from viewer.app import Stage as Window

    with Window() as stage:
        os.write(start, b"r")
        _open(stage, study)
        tell(start)
        Painter(stage, seed, lambda: _drawn(stage, start)).work(STEPS)
        stage.until(lambda: False)


def _drawn(stage: Stage, start: int) -> None:
    """The step is done: the window draws it, for a while."""
    tell(start)
    until = time.monotonic() + 0.05
    stage.until(lambda: time.monotonic() > until)


def window_kills(count: int, seed: int) -> int:
    """The window dies while somebody labels an open study; how often not all that was done came back."""
    if not count:
        return 0
    chance, bad = random.Random(seed), []
    display = ensure_display()
    with tempfile.TemporaryDirectory() as top:
        study = Path(top) / "study"
        write_series(study, ramp((6, 32, 32)), Grid.of((6, 32, 32), (1, 1, 1)))
        expected = _forked_truth(Path(top) / "truth", study, seed)
        for number in range(count):
            folder = Path(top) / str(number)
            told = killed(folder, lambda start: _work(study, seed, start), chance.uniform(0.3, 4))
            done, given = len(told) - 1, recovered(folder)
            if not given & set(expected[done : done + 2]):
                bad.append(f"kill {number}: after {done} steps: another state came back")
    print(
        "\n".join([*bad, f"\n{count} kills of the window, {count - len(bad)} times everything came back"]), flush=True
    )
    del display
    return len(bad)


def _forked_truth(folder: Path, study: Path, seed: int) -> list[int]:
    """In a process of its own: the one that forks must not have threads."""
    from tests.benchmarks.kills import forked, rest

    process, end = forked(folder, lambda start: _told(start, _truth(folder, study, seed)))
    told = rest(end)
    os.waitpid(process, 0)
    return np.frombuffer(told, "<u4").tolist()


def _told(start: int, found: list[int]) -> None:
    data = np.array(found, "<u4").tobytes()
    os.write(start, data)
