"""What computes on a graphics card: each step takes the device and the side of its phantoms, and gives rows."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gpu_table import Row, at_least, at_most, equal
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.denoise import denoise, haar_transform
from plugins.register import register_deform, register_rigid
from tests.fixtures.phantom import clean, phantom
from viewer.api import Grid, Job, Refusal, Transform, Volume, resample
from viewer.compute.devices import choose_device, devices
from viewer.compute.engine.engine import Engine
from viewer.compute.engine.job import NetworkRun
from viewer.compute.networks.benchmark_tile import Probe
from viewer.compute.networks.model_cards import card_network, find_card
from viewer.compute.networks.network import LighterNet, Net
from viewer.compute.networks.sliding_window import tiles
from viewer.compute.networks.torch_network import TorchNet
from viewer.compute.registration.transform_quality import jacobian

Floats = NDArray[np.float32]
MODEL, CHANNELS, HALO = "denoise-haar", 10, 8
NOISE = 50.0  # of a head whose tissue is about 500
EXTENT = 120.0  # mm of the body that is registered
PATIENCE = 200  # seconds that a job may take to begin, or to end, before it counts as hung
NOTHING = dict.fromkeys(("fixed_mask", "moving_mask", "landmarks", "fixed_labels", "moving_labels", "initial"))


def choice(device: str, side: int) -> list[Row]:
    """Which device is taken, and what the driver says of its memory."""
    there = devices()
    usable = [one.id for one in there if one.id != "cpu" and not one.cure]
    try:
        missing = choose_device("cuda:99", gpu=True)
    except Refusal:
        missing = "refused"
    rows = [
        equal("auto, for what can use a card", choose_device("auto", gpu=True), (usable or ["cpu"])[0]),
        equal("auto, for what cannot", choose_device("auto", gpu=False), "cpu"),
        equal("named", choose_device(device, gpu=True), device),
        equal("one that is not there", missing, "refused"),
    ]
    if device.startswith("cuda"):
        import torch

        said = next(one.memory for one in there if one.id == device)
        whole = torch.cuda.mem_get_info(device)[1]
        rows.append(at_most("memory by the driver and by torch, apart by %", 100 * abs(said / whole - 1), 5))
    return rows


def network(device: str, side: int) -> list[Row]:
    """One tile of the denoiser by each of the forms that a card may compute in, beside torch on the processor."""
    module, tile = card_network(find_card(MODEL)), bands(side)
    plain = TorchNet(deepcopy(module), "cpu")
    expected, usual = plain(tile[None]), seconds(partial(plain, tile[None]), 1)
    rows = [Row("float32 on the processor, ms a tile", f"{1e3 * usual:.1f}")]
    for precision, last in (("float32", False), ("bfloat16", False), ("bfloat16", True)):
        net = TorchNet(deepcopy(module), device, precision, channels_last=last)
        name = f"{precision}{', channels last' if last else ''} on {device}"
        rows.append(Row(f"{name}, ms a tile", f"{1e3 * seconds(partial(net, tile[None])):.1f}"))
        rows.append(
            at_most(f"{name}, error / rms", apart(net(tile[None]), expected), 0.1 if "b" in precision else 5e-3)
        )
    job = Job(device=device)
    net = job.model(MODEL, channels=CHANNELS, multiple=4, example=tile)
    rows.append(Row("chosen", f"{net.engine}, {net.precision}"))
    return [*rows, equal("the chosen one agrees with the processor", Probe(plain, tile, job).agrees(net), True)]


class Watched:
    """A Net that notes where it ran, and the largest side of what fitted there."""

    def __init__(self, net: Net, rungs: dict[str, int]) -> None:
        self._net, self._rungs = net, rungs
        self.engine, self.precision, self.device = net.engine, net.precision, net.device

    def __call__(self, batch: Floats) -> Floats:
        result = self._net(batch)
        self._rungs[self.device] = max(self._rungs.get(self.device, 0), *batch.shape[2:])
        return result

    def lighter(self, job: Job) -> Watched | None:
        net = self._net.lighter(job) if isinstance(self._net, LighterNet) else None
        return Watched(net, self._rungs) if net else None


def ladder(device: str, side: int) -> list[Row]:
    """Where the card's memory is short: it is capped at shares of what the network takes, and at nothing."""
    module, values = card_network(find_card(MODEL)), bands(2 * min(96, side))
    net = TorchNet(deepcopy(module), device, spare=lambda job: TorchNet(deepcopy(module), "cpu"))
    expected, rungs, _ = walked(net, values)
    rows = [Row("without a cap, the largest tile on each device", said(rungs))]
    if not device.startswith("cuda"):
        return rows
    import torch

    taken, total = torch.cuda.max_memory_reserved(device), torch.cuda.mem_get_info(device)[1]
    rows.append(Row("it takes of the card, MB", f"{taken >> 20}"))
    for share in (0.5, 0.2, 0.0):
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(share * taken / total, device)
        result, rungs, job = walked(net, values)
        rows.append(Row(f"capped at {share:.0%} of that", said(rungs)))
        rows.append(at_most(f"capped at {share:.0%}, apart / rms", apart(result, expected), 0.02))
    return [*rows, equal("capped at nothing, it ends on", job.used.device if job.used else "", "cpu")]


def walked(net: Net, values: Floats) -> tuple[Floats, dict[str, int], Job]:
    """The result of the tiles, where they ran, and the job that tells of it."""
    rungs: dict[str, int] = {}
    job, parts = Job(device=net.device), []
    job.used = NetworkRun(MODEL, "", net.engine, net.precision, net.device)
    tiles(
        Watched(net, rungs),
        values.shape[1:],
        job,
        read=lambda box: values[:, *box],
        write=lambda _, slices: parts.append(slices),
        halo=HALO,
        multiple=4,
    )
    return np.concatenate(parts, axis=1), rungs, job


def said(rungs: dict[str, int]) -> str:
    return ", ".join(f"{device} {size}" for device, size in rungs.items())


def denoising(device: str, side: int) -> list[Row]:
    """The whole plugin on the card and on the processor: time, and what it gains."""
    shape = (side, side, side)
    truth, image = clean(shape, (1.0, 1.0, 1.0)), phantom(shape, NOISE, spacing=(1.0, 1.0, 1.0))
    rows, psnr, took = [Row("noisy, dB", f"{decibels(image.array, truth):.2f}")], {}, {}
    for place, rounds in {device: 3, "cpu": 1}.items():
        job = Job(device=place)
        psnr[place] = decibels(denoise(image, job).array, truth)
        took[place] = seconds(lambda place=place: denoise(image, Job(device=place)), rounds)
        rows.append(Row(f"on {place}, s for {side}³ voxels", f"{took[place]:.2f}"))
        rows.append(at_least(f"on {place}, dB gained", psnr[place] - decibels(image.array, truth), 4.0))
        used = job.used._replace(sha256="") if job.used else None
        rows.append(equal(f"on {place}, it ran on", used.device if used else "", place))
    return [
        *rows,
        at_most("seconds, the gate of two cores", took[device], 4.0),
        at_most("card and processor, dB apart", abs(psnr[device] - psnr["cpu"]), 0.1),
        Row("times as fast as the processor", f"{took['cpu'] / took[device]:.1f}"),
    ]


def registration(device: str, side: int) -> list[Row]:
    """Known motions of a soft body, found on the card and on the processor."""
    fixed = body(side)
    matrix = motion((8.0, -6.0, 10.0), (6.0, -4.0, 5.0), fixed.grid.centre)
    bend = bent(fixed.grid)
    moving = replace(resample(fixed, fixed.grid, Transform(np.linalg.inv(matrix))), badges=())
    bowed = replace(resample(fixed, fixed.grid, bend), badges=())
    rows, took = [], {}
    for place in dict.fromkeys((device, "cpu")):
        found, took[place, "rigid"] = registered(register_rigid, fixed, moving, place)
        rows.append(at_most(f"rigid on {place}, largest error, mm", gaps(found, Transform(matrix), fixed).max(), 0.4))
        bow, took[place, "deformable"] = registered(
            register_deform, bowed, fixed, place, before="nothing", start="as placed"
        )
        share = gaps(bow, bend, fixed).mean() / gaps(Transform(np.eye(4)), bend, fixed).mean()
        rows.append(at_most(f"deformable on {place}, share of the bend that is left", share, 0.3))
        rows.append(at_least(f"deformable on {place}, least change of volume", float(jacobian(bow)[0].min()), 0.0))
    same, _ = registered(register_deform, fixed, fixed, device)
    rows.append(at_most("identical images, largest error, mm", gaps(same, Transform(np.eye(4)), fixed).max(), 0.01))
    rows += [Row(f"{kind} on {place}, s for {side}³ voxels", f"{spent:.2f}") for (place, kind), spent in took.items()]
    return [*rows, at_most("rigid, seconds, the gate of two cores", took[device, "rigid"], 3.0)]


def cancel(device: str, side: int) -> list[Row]:
    """A job in the engine's process is stopped in the middle of its network; the next one runs."""
    image = phantom((4 * side, side, side), NOISE, spacing=(1.0, 1.0, 1.0))
    small = phantom((side // 2,) * 3, NOISE, spacing=(1.0, 1.0, 1.0))
    engine, busy, over = Engine(), threading.Event(), threading.Event()
    ends: list[str] = []

    def submit(volume: Volume) -> Any:
        def end(word: str) -> Callable[..., None]:
            return lambda *_: (ends.append(word), over.set())  # type: ignore[func-returns-value]

        return engine.submit(
            "viewer.plugin.execute:execute",
            ("denoise", {"image": volume}, {}),
            device=device,
            progress=lambda _, text: busy.set() if "network," in text else None,
            **{word: end(word) for word in ("done", "failed", "cancelled")},
        )

    running = submit(image)
    busy.wait(PATIENCE)
    begun = time.perf_counter()
    running.cancel()
    over.wait(PATIENCE)
    spent = time.perf_counter() - begun
    over.clear()
    submit(small)
    over.wait(PATIENCE)
    engine.close()
    return [
        equal("the job and the next one ended as", ", ".join(ends), "cancelled, done"),
        at_most("seconds from the cancel to its end", spent, 2.0),
    ]


# Phantoms and measures.
def bands(side: int) -> Floats:
    """What the denoiser's network is given of a noisy cube of `side` voxels: [10, side / 2, side / 2, side / 2]."""
    rng = np.random.default_rng(0)
    image = np.kron(rng.uniform(0, 30, (side // 8,) * 3), np.ones((8, 8, 8)))
    noisy = np.hypot(image + rng.standard_normal(image.shape), rng.standard_normal(image.shape))
    return haar_transform.channels(noisy.astype(np.float32), True, haar_transform.SOLID)


def body(side: int) -> Volume:
    """An ellipsoid of soft parts in air, EXTENT mm wide; the same at every side."""
    rng, shape, unit = np.random.default_rng(0), (side, side, side), side / 44
    place = np.moveaxis(np.indices(shape), 0, -1) / side - 0.5
    parts = sum(gaussian_filter(rng.standard_normal(shape), unit * s) * (unit * s) ** 1.5 for s in (2, 4))
    values = np.where(np.linalg.norm(place / (0.42, 0.36, 0.4), axis=-1) < 1, 500 + 200 * parts / parts.std(), 0)
    values = gaussian_filter(values, 0.7) + rng.normal(0, 5, shape)
    return Volume(values.astype(np.float32), Grid.of(shape, (EXTENT / side,) * 3, (-50, -40, 10)))


def motion(degrees: tuple[float, ...], shift: tuple[float, ...], about: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = about + shift - matrix[:3, :3] @ about
    return matrix


def bent(grid: Grid) -> Transform:
    """Smooth displacements of up to 6 mm."""
    rng = np.random.default_rng(3)
    field = np.stack([gaussian_filter(rng.standard_normal(grid.shape), 6 * grid.shape[0] / 44) for _ in range(3)], -1)
    return Transform(np.eye(4), (6 * field / np.abs(field).max()).astype(np.float32), grid)


def registered(plugin: Any, fixed: Volume, moving: Volume, device: str, **options: Any) -> tuple[Transform, float]:
    """The transform alone, and its seconds: on a card those of a second run, as the first prepares it."""
    spent, found = 0.0, Transform(np.eye(4))
    for _ in range(1 if device == "cpu" else 2):
        job = Job(device=device)
        job.wanted = frozenset({"transform"})
        begun = time.perf_counter()
        found = plugin(fixed, moving, **NOTHING, job=job, **options)[0]
        spent = time.perf_counter() - begun
    return found, spent


def gaps(found: Transform, truth: Transform, image: Volume) -> NDArray[np.float64]:
    """mm at 125 places in the middle of the image."""
    index = np.stack(np.meshgrid(*(np.linspace(0.25, 0.75, 5) * n for n in image.grid.shape), indexing="ij"), -1)
    places = image.grid.to_world(index.reshape(-1, 3))
    return np.linalg.norm(found(places) - truth(places), axis=1)


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """The median after one that is not counted."""
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(np.median(times[1:]))


def apart(one: Floats, other: Floats) -> float:
    """The root mean square of the difference, over that of the other."""
    return float(np.sqrt(np.mean(np.square(one - other, dtype=float)) / np.mean(np.square(other, dtype=float))))


def decibels(array: NDArray[Any], truth: NDArray[Any]) -> float:
    """PSNR where there is signal."""
    inside = truth > 0.02 * truth.max()
    return float(10 * np.log10(truth.max() ** 2 / np.mean(np.square(array - truth)[inside])))
