"""One tile that shows how exact and how fast an engine runs a network."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.compute.networks.network import Net
    from viewer.compute.progress import Progress

log = logging.getLogger(__name__)

SIDE = 32  # voxels along each side of the tile
BRIGHT = 30.0  # how many times its noise the brightest part of the tile is: a good clinical image
TOLERANCE = 0.1  # an engine may differ by this share of what one unit of noise changes: far less than the image allows
ROUNDING = 1e-5  # of the result's size: what the order of float32 sums changes


def ramp(channels: int, multiple: int) -> NDArray[np.float32]:
    """A tile [c, k, j, i] of ones, with a ramp in its first channel and noise of one unit in all of them."""
    side = -(-SIDE // multiple) * multiple
    tile = np.random.default_rng(0).standard_normal((channels, side, side, side), np.float32) + 1
    tile[0] += np.linspace(-1, BRIGHT - 1, side, dtype=np.float32)
    return tile


class Probe:
    """A tile [c, k, j, i] that networks are tried on. reference: torch in float32, with which others must agree."""

    def __init__(self, reference: Net, tile: NDArray[np.float32], job: Progress) -> None:
        self._tile = tile[None]
        self._job = job
        self._expected = reference(self._tile)
        job.progress(0.0)
        noise = np.random.default_rng(1).standard_normal(self._tile.shape, np.float32)
        allowed = TOLERANCE * _rms(self._expected - reference(self._tile + noise))
        self._allowed = max(allowed, ROUNDING * _rms(self._expected))

    def agrees(self, net: Net) -> bool:
        """Whether a network gives what the reference gives."""
        self._job.progress(0.0)
        given = net(self._tile)
        error = _rms(given - self._expected) if given.shape == self._expected.shape else float("inf")
        if not error <= self._allowed:
            log.warning("%s in %s is not exact enough: %.2g > %.2g", net.engine, net.precision, error, self._allowed)
        return error <= self._allowed

    def fastest(self, nets: list[Net]) -> Net:
        """The fastest of those that agree; the first is the reference. What cannot run is left out."""
        times = {0: self._seconds(nets[0])}
        for number, net in enumerate(nets[1:], 1):
            try:
                if self.agrees(net):
                    times[number] = self._seconds(net)
            except (RuntimeError, TypeError) as error:
                log.info("%s in %s cannot run the network: %s", net.engine, net.precision, error)
        for number, seconds in times.items():
            log.info("%s in %s: %.3f s a tile", nets[number].engine, nets[number].precision, seconds)
        return nets[min(times, key=times.__getitem__)]

    def _seconds(self, net: Net) -> float:
        """Once warm, as it is from the second tile on."""
        self._job.progress(0.0)
        start = time.perf_counter()
        net(self._tile)
        return time.perf_counter() - start


def _rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
