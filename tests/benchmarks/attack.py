"""Attack the readers with damaged and hostile files, and the program with kills; count what becomes of each.

    python tests/benchmarks/attack.py [--mutants 50000] [--others 10000] [--kills 60] [--seed 0]

Every input goes through the real pool of reader processes, as the window uses it. Right are: opened, opened with slices
lost, refused in a sentence. A reader that is lost and replaced is the price of what a library does in its own process.
Wrong are: a hang, no answer, and what is no sentence. Sentences that name an exception are counted by it: they are
true, but nobody foresaw them. The kills: see attack_kills.py. Exit code 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.attack_bombs import bombs, paths
from tests.benchmarks.attack_kills import engine_kills, reader_kills, window_kills
from tests.benchmarks.attack_seeds import Door, Seed, dicom_seeds, other_seeds
from tests.fixtures.mutation import mutated
from viewer.data.study import Image
from viewer.io.reader.reader import Reader

BATCH = 400  # inputs that are under way at a time
PATIENCE = 180.0  # seconds for a batch, after which what has not answered hangs
NAMED = re.compile(r"\((\w*(?:Error|Exception|Exit|Warning))\)")  # of a foreign exception
WRONG = ("hung", "no answer", "no sentence", "the secret was read")
SECRET = "do-not-read"


@dataclass(frozen=True)
class Input:
    """path: given to the door. beside: to make sure that nothing of what lies outside comes in."""

    kind: str
    path: Path
    door: Door


@dataclass
class Trial:
    """One input under way, and what was said of it. All of it runs on the reader's thread."""

    reader: Reader
    input: Input
    ended: Callable[[str], None]
    reasons: list[str] = field(default_factory=list)
    lost: int = 0
    opened: int = 0
    images: dict[str, list[Image]] = field(default_factory=dict)
    labels: int = 0
    left: int = 0

    def begin(self) -> None:
        if self.input.door is not None:
            self.reader.call(self.input.door, self.input.path, done=self._called, failed=self._called_in_vain)
            return
        self.reader.index(
            [self.input.path], found=self.images.__setitem__, labels=self._labelled,
            refused=lambda refused: self.reasons.append(refused.reason), progress=lambda *_: None, done=self._indexed,
        )  # fmt: skip

    def _labelled(self, labels: object) -> None:
        self.labels += 1

    def _called(self, result: object) -> None:
        self.opened += 1
        self._end()

    def _called_in_vain(self, reason: str) -> None:
        self.reasons.append(reason)
        self._end()

    def _indexed(self) -> None:
        found = [image for images in self.images.values() for image in images]
        self.left = len(found)
        for image in found:
            self.reader.load(
                image, started=lambda *_: None, filled=lambda *_: None, done=self._loaded, failed=self._not_loaded
            )
        if not found:
            self.opened += self.labels
            self._end()

    def _loaded(self, volumes: Sequence[object]) -> None:
        self.opened += 1
        self.reasons += [SECRET for volume in volumes if SECRET.encode() in volume.array.tobytes()]  # type: ignore[attr-defined]
        self.lost += any(badge.endswith("lost") for volume in volumes for badge in volume.badges)  # type: ignore[attr-defined]
        self._one_less()

    def _not_loaded(self, reason: str) -> None:
        self.reasons.append(reason)
        self._one_less()

    def _one_less(self) -> None:
        self.left -= 1
        if not self.left:
            self._end()

    def _end(self) -> None:
        self.ended(outcome(self.reasons, self.opened, self.lost))


def outcome(reasons: Sequence[str], opened: int, lost: int) -> str:
    """The worst that was said, in words for the table."""
    said = " ".join(reasons)
    if SECRET in said:
        return "the secret was read"
    if any(not one.endswith(".") or "\n" in one or "Traceback" in one or len(one) > 600 for one in reasons):
        return "no sentence"
    if "the reader process" in said.lower():
        how = re.search(r"crashed \(([^)]*)\)|(took longer|computed for longer)", said)
        return f"reader lost: {how[1] or how[2]}" if how else "reader lost"
    if named := NAMED.search(said):
        return f"refused, but not foreseen: {named[1]}"
    if re.search(r"more memory|GB of memory|there is room|GB of voxels|GB of pixels", said):
        return "refused over budget"
    if reasons:
        return "refused in a sentence"
    return "opened, with slices lost" if lost else "opened" if opened else "no answer"


class Attack:
    """Sends inputs in batches, and keeps the counts of each part. `peaks`: bytes of a reader, and of this process."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.examples: dict[str, str] = {}
        self.peaks = [0, 0]
        self.reader = Reader()
        threading.Thread(target=self._watch, daemon=True).start()

    def send(self, part: str, inputs: Iterable[Input]) -> None:
        begun, waiting, count = time.monotonic(), iter(inputs), 0
        while batch := list(islice(waiting, BATCH)):
            count += len(batch)
            self._batch(part, batch)
        took = time.monotonic() - begun
        print(f"\n{part}: {count:,} inputs in {took:.0f} s, {took / max(count, 1) * 1000:.1f} ms each")
        for what, number in self.counts.get(part, Counter()).most_common():
            print(f"  {number:8,}  {what:45}  {self.examples.get(what, '')}", flush=True)

    def _batch(self, part: str, batch: Sequence[Input]) -> None:
        ends: dict[Path, str] = {}
        over = threading.Event()

        def ended(one: Input, what: str) -> None:
            ends[one.path] = what
            if len(ends) == len(batch):
                over.set()

        for one in batch:
            Trial(self.reader, one, partial(ended, one)).begin()
        if not over.wait(PATIENCE):
            self.reader.close()
            self.reader = Reader()
        for one in batch:
            what = ends.get(one.path, "hung")
            self.counts.setdefault(part, Counter())[what] += 1
            self._keep(one, what)

    def _keep(self, one: Input, what: str) -> None:
        """The first input of what is wrong or not foreseen stays, to be looked at."""
        if what in self.examples or not what.startswith((*WRONG, "reader lost", "refused, but")):
            return
        folder = Path(tempfile.gettempdir()) / "tomolens-attack"
        folder.mkdir(exist_ok=True)
        kept = folder / f"{re.sub(r'[^a-z]+', '-', what.lower())}-{os.fsdecode(one.path.name)[:40]}"
        if one.path.is_file():
            shutil.copy(one.path, kept)
        self.examples[what] = f"{one.kind}: {kept.name}"

    def _watch(self) -> None:
        own = psutil.Process()
        while True:
            sizes = [_resident(child) for child in own.children(recursive=True)]
            self.peaks = [max(self.peaks[0], *sizes, 0), max(self.peaks[1], _resident(own))]
            time.sleep(0.2)

    def wrong(self) -> int:
        return sum(counts[what] for counts in self.counts.values() for what in WRONG)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def mutants(seeds: Sequence[Seed], count: int, chance: random.Random, folder: Path) -> Iterator[Input]:
    """Damaged copies of the seeds in turn; the folder of a batch goes with the next but one."""
    by_kind: dict[str, list[Seed]] = {}
    for seed in seeds:
        by_kind.setdefault(seed.kind, []).append(seed)
    kinds = list(by_kind)
    for number in range(count):
        seed = chance.choice(by_kind[kinds[number % len(kinds)]])
        place = folder / str(number // BATCH) / str(number)
        for name, data in (*seed.beside, (seed.name, mutated(seed.data, chance, [one.data for one in seeds]))):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        if number % BATCH == 0 and number >= 2 * BATCH:
            shutil.rmtree(folder / str(number // BATCH - 2), ignore_errors=True)
        yield Input(seed.kind, place if seed.whole else place / seed.name, seed.door)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, count in (("--mutants", 50_000), ("--others", 10_000), ("--kills", 60), ("--seed", 0)):
        parser.add_argument(name, type=int, default=count)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        os.environ["TOMOLENS_HOME"] = str(folder / "home")
        for name in ("dicom", "other", "bombs", "paths"):
            (folder / name).mkdir()
        attack = Attack()
        found = dicom_seeds(folder / "dicom")
        attack.send("DICOM mutants", mutants(found, asked.mutants, chance, folder / "1"))
        found = other_seeds(folder / "other")
        attack.send("other mutants", mutants(found, asked.others, chance, folder / "2"))
        attack.send("bombs", (Input(*one) for one in bombs(folder / "bombs")))
        attack.send("paths", (Input(*one) for one in paths(folder / "paths", SECRET)))
        print(f"\nmost memory: a reader {attack.peaks[0] >> 20:,} MB, this process {attack.peaks[1] >> 20:,} MB")
        attack.reader.close()
    failed = sum(kill(asked.kills, asked.seed) for kill in (reader_kills, engine_kills, window_kills))
    print(f"\nwrong: {attack.wrong()} inputs, {failed} kills")
    sys.exit(bool(attack.wrong() or failed))


if __name__ == "__main__":
    main()
