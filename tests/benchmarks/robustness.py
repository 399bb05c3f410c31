"""Cancels, kills and a large image: what they cost, and whether anything of them stays.

python tests/benchmarks/robustness.py [--cancels 200] [--kills 50] [--without-large]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "compute"))

from nets import small

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.job import Job
from viewer.compute.networks.backends import prepare_network
from viewer.compute.networks.sliding_window import tiles
from viewer.processes.shared_array import FOLDER, PREFIX, create_shared, sweep_shared

LARGE = (531, 512, 512)
MEBIBYTE = 1 << 20

_nets: dict[int, Any] = {}  # in the engine: as job.model keeps them


def think(job: Job, image: NDArray[np.int16], width: int, tile: tuple[int, int, int]) -> NDArray[np.int16]:
    """A network over an image, by tiles."""
    if width not in _nets:
        _nets[width] = prepare_network(
            small(width=width), job.device, key=f"{width:064d}", channels=1, multiple=2, job=job
        )
    result = np.empty(image.shape, np.int16)

    def write(where: slice, slices: NDArray[np.float32]) -> None:
        np.rint(slices[0], out=slices[0])
        result[where] = slices[0]

    tiles(_nets[width], image.shape, job, read=lambda box: image[None, *box].astype(np.float32), write=write, tile=tile)
    return result


def state(job: Job) -> tuple[int, int]:
    """The engine's process, and the bytes that are its own."""
    return os.getpid(), psutil.Process().memory_full_info().uss


class Run:
    """A submitted job, and how it ended."""

    def __init__(self, engine: Engine, function: str, *args: Any) -> None:
        self.begun, self.over = threading.Event(), threading.Event()
        self.end: tuple[str, Any] = ("", None)
        self.running = engine.submit(
            f"robustness:{function}",
            args,
            progress=lambda *_: self.begun.set(),
            done=lambda value: self._ended("done", value),
            failed=lambda sentence, _: self._ended("failed", sentence),
            cancelled=lambda: self._ended("cancelled", None),
        )

    def _ended(self, kind: str, what: Any) -> None:
        self.end = (kind, what)
        self.over.set()

    def wait(self) -> Any:
        self.over.wait()
        return self.end[1]


def held() -> tuple[int, int]:
    """Processes that this one started, and their and its own segments of shared memory."""
    started = [child.pid for child in psutil.Process().children(recursive=True)]
    return len(started), sum(len(list(FOLDER.glob(f"{PREFIX}{pid}-*"))) for pid in (os.getpid(), *started))


def image_of(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    image, _ = create_shared(shape, np.int16)
    rng = np.random.default_rng(0)
    for part in image:
        part[...] = rng.integers(0, 1000, part.shape, np.int16)
    return image


def table(name: str, seconds: list[float]) -> None:
    p50, p95 = np.percentile(seconds, (50, 95))
    print(f"{name:46}{p50:8.2f}{p95:8.2f}{max(seconds):8.2f}", flush=True)


def seconds_of(engine: Engine, job: tuple[Any, ...]) -> float:
    """Of a whole run, once everything is warm."""
    Run(engine, "think", *job).wait()
    start = time.perf_counter()
    Run(engine, "think", *job).wait()
    return time.perf_counter() - start


def cancels(count: int) -> None:
    engine, image, chance = Engine(), image_of((128, 128, 128)), random.Random(0)
    job = (image, 16, (64, 64, 64))
    whole = seconds_of(engine, job)
    (first, memory), before = Run(engine, "state").wait(), held()
    heard, free, pids = [], [], {first}
    for _ in range(count):
        run = Run(engine, "think", *job)
        time.sleep(chance.random() * whole)
        start = time.perf_counter()
        run.running.cancel()
        next_one = Run(engine, "state")
        run.wait()
        heard.append(time.perf_counter() - start)
        pids.add(next_one.wait()[0])
        free.append(time.perf_counter() - start)
    print(f"\n{count} cancels at random times of a 128³ run of {whole:.1f} s, seconds{'':10}p50     p95     max")
    table("the job is heard to be cancelled", heard)
    table("the next job has run", free)
    _, after = Run(engine, "state").wait()
    print(f"processes that had to be replaced: {len(pids) - 1}")
    print(f"memory of the engine: {memory / MEBIBYTE:.0f} MB before, {after / MEBIBYTE:.0f} MB after")
    print("processes and segments of shared memory: {} and {} before, {} and {} after".format(*before, *held()))
    engine.close()


def kills(count: int) -> None:
    engine, image, chance = Engine(), image_of((128, 128, 128)), random.Random(1)
    job = (image, 16, (64, 64, 64))
    whole = seconds_of(engine, job)
    before, ends, next_ran, seconds = held(), [], 0, []
    pid, _ = Run(engine, "state").wait()
    for _ in range(count):
        run = Run(engine, "think", *job)
        run.begun.wait()
        time.sleep(chance.random() * 0.9 * whole)
        psutil.Process(pid).kill()
        start = time.perf_counter()
        run.wait()
        ends.append(run.end[0])
        next_one = Run(engine, "state")
        pid, _ = next_one.wait()
        seconds.append(time.perf_counter() - start)
        next_ran += next_one.end[0] == "done"
    print(f"\n{count} kills in the middle of the same run, seconds{'':18}p50     p95     max")
    table("the next job has run, in a new process", seconds)
    result = Run(engine, "think", *job)
    result.wait()
    print(f"jobs that failed: {ends.count('failed')}, next jobs that ran: {next_ran}, ", end="")
    print(f"a whole run after it: {result.end[0]}")
    engine.close()
    print("processes and segments of shared memory: {} and {} before, {} and {} after".format(*before, *held()))


def large() -> None:
    engine, image = Engine(), image_of(LARGE)
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            everyone = [psutil.Process(), *psutil.Process().children(recursive=True)]
            peak[0] = max(peak[0], sum(process.memory_full_info().pss for process in everyone))

    threading.Thread(target=watch, daemon=True).start()
    start = time.perf_counter()
    run = Run(engine, "think", image, 4, (96, 96, 96))
    run.wait()
    over.set()
    print(f"\n512×512×531 int16 ({image.nbytes / MEBIBYTE:.0f} MB) in tiles of 96³: {run.end[0]}, ", end="")
    print(f"{time.perf_counter() - start:.0f} s, peak of all processes {peak[0] / 2**30:.2f} GB")
    engine.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cancels", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--without-large", action="store_true")
    chosen = parser.parse_args()
    sweep_shared()
    if chosen.cancels:
        cancels(chosen.cancels)
    if chosen.kills:
        kills(chosen.kills)
    if not chosen.without_large:
        large()
