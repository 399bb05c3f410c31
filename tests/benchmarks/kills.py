"""Kill a session at random moments while it labels an image (SIGKILL), and count what the next start gives back.

    python tests/benchmarks/kills.py [--kills 500] [--seed 0]

Every step that the session called done must be there again, and at most the one that it was at may be more. One kill in
five is followed by another one while the work is recovered. The session has no window and a small image; it opens a
segmentation and makes another one, paints, erases, undoes, redoes, adds, renames and removes segments, and runs
effects. For Linux and macOS: it forks.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.painter import Painter, digest
from viewer.cli.headless_session import HeadlessStage, finish

STEPS = 30
SEEDS = 4  # ways to work
DIGEST = struct.Struct("<I")
AGAIN = 0.2  # of the kills, that are followed by one of the recovery


def truth(folder: Path, seed: int) -> list[int]:
    """What is there after each number of steps."""
    os.environ["TOMOLENS_HOME"] = str(folder)
    with HeadlessStage() as stage:
        found = [digest(stage.session.document)]
        Painter(stage, seed, lambda: found.append(digest(stage.session.document))).work(STEPS)
    return found


def forked(folder: Path, work: Callable[[int], None]) -> tuple[int, int]:
    """A process that works in a folder; its id, and the end of the pipe that it writes to."""
    end, start = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(end)
        os.environ["TOMOLENS_HOME"] = str(folder)
        try:
            work(start)
        finally:
            os._exit(0)
    os.close(start)
    return process, end


def killed(folder: Path, work: Callable[[int], None], after: float) -> bytes:
    """Everything that the process had told when it was killed, that many seconds after it first told something."""
    process, end = forked(folder, work)
    told = os.read(end, 4096)
    time.sleep(after)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return told + rest(end)


def rest(end: int) -> bytes:
    """What is left in a pipe."""
    told = b""
    while more := os.read(end, 4096):
        told += more
    os.close(end)
    return told


def work(seed: int, start: int) -> None:
    with HeadlessStage() as stage:
        os.write(start, b"r")
        Painter(stage, seed, lambda: tell(start)).work(STEPS)
        signal.pause()


def tell(start: int) -> None:
    os.write(start, b".")


def recover(start: int, number: int = 0, stay: bool = False) -> None:
    """Bring the work of one journal back, and tell what is there then."""
    with HeadlessStage() as stage:
        os.write(start, b"r")
        found = stage.session.recovery.unfinished()
        if number < len(found):
            finish(stage, stage.session.recovery.recover(found[number]))
        os.write(start, DIGEST.pack(digest(stage.session.document)))
        if stay:
            signal.pause()  # an end of its own would be a clean one, with nothing left to recover


def recovered(folder: Path) -> set[int]:
    """What each journal in the folder gives back; one that was there is gone afterwards."""
    given = set()
    journals = folder / "state" / "journal"
    count = len(list(journals.iterdir())) if journals.is_dir() else 0
    for number in reversed(range(max(1, count))):
        process, end = forked(folder, lambda start, number=number: recover(start, number))
        os.waitpid(process, 0)
        given.add(*DIGEST.unpack(rest(end)[-DIGEST.size :]))
    return given


def trial(folder: Path, expected: list[int], seed: int, chance: random.Random, seconds: float) -> str:
    """ "" where all is well, else what is not."""
    done = len(killed(folder, lambda start: work(seed, start), chance.uniform(0, seconds))) - 1
    if chance.random() < AGAIN:
        killed(folder, lambda start: recover(start, stay=True), chance.uniform(0, seconds / 4))
    given = recovered(folder)
    if given & set(expected[done : done + 2]):
        return ""
    kept = [number for number, one in enumerate(expected) if one in given]
    return f"killed after {done} steps: back are the states after {kept or 'none'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    failures = []
    with tempfile.TemporaryDirectory() as top:
        begun = time.monotonic()
        truths = [truth(Path(top) / f"truth-{seed}", seed) for seed in range(SEEDS)]
        seconds = (time.monotonic() - begun) / SEEDS
        for number in range(asked.kills):
            seed = number % SEEDS
            failures.append(trial(Path(top) / str(number), truths[seed], seed, chance, seconds))
    bad = [f"kill {number}: {text}" for number, text in enumerate(failures) if text]
    print("\n".join([*bad, f"{asked.kills} kills, {asked.kills - len(bad)} times everything came back"]))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
