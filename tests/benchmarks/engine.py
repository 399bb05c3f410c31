"""What the engine costs, what runs a network how fast, and what the denoisers take and give.

    python tests/benchmarks/engine.py

The brain is measured where TOMOLENS_DATA names the folder with the shared data.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from tests.fixtures.phantom import clean
from viewer.compute.engine.engine import Engine
from viewer.compute.engine.job import Job
from viewer.compute.engine.thread_queue import Runner
from viewer.compute.networks.backends import precision_variants
from viewer.compute.networks.openvino_network import OpenVinoNet, convert_network
from viewer.compute.networks.torch_network import TorchNet
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.plugin.discovery import discover
from viewer.processes.shared_array import share

TURNS = 20
TILES = 5


def same(job: Job, value: Any) -> Any:
    """The cheapest job: what it takes is the way there and back."""
    job.progress(1.0)
    return value


def wait_for(engine: Engine, function: str, *args: Any) -> tuple[float, Any]:
    """Seconds from submit to result, and the result."""
    over, ends = threading.Event(), []

    def end(*what: Any) -> None:
        ends.append(what)
        over.set()

    start = time.perf_counter()
    engine.submit(function, args, done=end, failed=end, cancelled=end)
    over.wait()
    return time.perf_counter() - start, ends[0][0]


def way_there_and_back() -> None:
    array = np.random.default_rng(0).integers(-1000, 2000, (100, 512, 512), np.int16)
    volume = Volume(array, Grid.of(array.shape))
    shared = Volume(share(array)[0], volume.grid)
    print(f"\nA volume of 512×512×100 int16 ({array.nbytes / 2**20:.0f} MB) to a job and back, {TURNS} times, ms")
    print(f"{'':44}{'p50':>8}{'p95':>8}")
    here, there = Runner(), Engine()
    first, _ = wait_for(there, "engine:same", None)
    cases = {
        "in-process, shared already": (here, shared),
        "in-process, copied into shared memory": (here, volume),
        "engine, shared already (result copied)": (there, shared),
        "engine, copied into shared memory": (there, volume),
        "engine, nothing but the messages": (there, None),
    }
    for name, (engine, value) in cases.items():
        times = [wait_for(engine, "engine:same", value)[0] * 1e3 for _ in range(TURNS)]
        print(f"{name:44}{np.percentile(times, 50):8.1f}{np.percentile(times, 95):8.1f}")
    print(f"{'engine, the first job (starts the process)':44}{first * 1e3:8.1f}")
    here.close()
    there.close()


def networks() -> None:
    """One tile of the denoiser's network by everything that can run it here; the first is the reference."""
    from plugins.denoise import haar_transform
    from viewer.compute.networks.model_cards import card_network, find_card

    card = find_card("denoise-haar")
    module = card_network(card)
    models = precision_variants(convert_network(module, 10, 4), card.ranges)
    nets = [TorchNet(module, "cpu"), *(OpenVinoNet(model, precision) for precision, model in models.items())]
    image = np.kron(np.random.default_rng(0).uniform(0, 30, (12, 12, 12)), np.ones((8, 8, 8)))
    noisy = np.hypot(*(image * side + np.random.default_rng(side).standard_normal(image.shape) for side in (0, 1)))
    tile = haar_transform.channels(noisy.astype(np.float32), True, haar_transform.SOLID)[None]
    expected = nets[0](tile)
    size = sum(weights.numel() for weights in module.parameters()) / 1e6
    print(f"\nOne tile of 48³ by a network of {size:.1f} M weights, {TILES} times")
    print(f"{'':44}{'p50 ms':>8}{'p95 ms':>8}{'ratio':>8}{'error/rms':>12}")
    slowest = 0.0
    for net in nets:
        error = np.sqrt(np.mean((net(tile) - expected) ** 2) / np.mean(expected**2))
        times = [_timed(net, tile) for _ in range(TILES)]
        slowest = slowest or float(np.median(times))
        p50, p95 = np.percentile(times, (50, 95))
        print(
            f"{net.engine + ', ' + net.precision:44}{p50 * 1e3:8.0f}{p95 * 1e3:8.0f}{slowest / p50:8.1f}{error:12.1e}"
        )


def _timed(net: Any, tile: np.ndarray[Any, Any]) -> float:
    start = time.perf_counter()
    net(tile)
    return time.perf_counter() - start


def denoisers() -> None:
    images = {"phantom 96×128×128": clean((96, 128, 128), (1.0, 1.0, 1.0))}
    brain = Path(os.environ.get("TOMOLENS_DATA", "")) / "nifti/brain-oasis-voxelmorph/test_scan.npz"
    if brain.is_file():
        file = np.load(brain)
        values = file[file.files[0]].squeeze()[16:144, 32:160, 48:176].astype(np.float32)
        images["brain 128×128×128"] = values * (1000 / values.max())
    denoise = discover()[0]["denoise"]
    methods = next(one for one in denoise.parameters if one.name == "method").choices
    print(f"\nRician noise, PSNR in dB where there is signal, seconds on {os.cpu_count()} cores")
    print(f"{'':24}{'noise':>6}{'input':>8}" + "".join(f"{name:>30}" for name in methods))
    for name, truth in images.items():
        for percent in (3, 5, 9):
            print(f"{name:24}{percent:5} %" + "".join(_measured(truth, percent * 10.0, denoise, methods)))


def _measured(truth: np.ndarray[Any, Any], sigma: float, denoise: Any, methods: tuple[str, ...]) -> list[str]:
    rng = np.random.default_rng(0)
    noisy = np.hypot(truth + rng.normal(0, sigma, truth.shape), rng.normal(0, sigma, truth.shape))
    image = Volume(np.rint(noisy).astype(np.int16), Grid.of(truth.shape), source=Source(modality="MR"))
    cells = [f"{_psnr(noisy, truth):8.2f}"]
    for method in methods:
        start = time.perf_counter()
        result = denoise(image, Job(), method=method)
        seconds = time.perf_counter() - start
        cells.append(f"{f'{_psnr(result.array, truth):.2f} dB, {seconds:.1f} s':>30}")
    return cells


def _psnr(array: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    inside = truth > 0.02 * truth.max()
    return float(10 * np.log10(truth.max() ** 2 / np.mean(np.square(array - truth)[inside])))


if __name__ == "__main__":
    way_there_and_back()
    networks()
    denoisers()
