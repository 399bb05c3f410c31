"""Grey-scale windows by modality: fixed ones in the unit of the image, or by percentiles of its values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from viewer.data.volume import Volume, Window

FILE = Path(__file__).parents[2] / "resources" / "presets" / "windows.json"
SAMPLES = 500_000  # voxels that percentiles are taken from


@dataclass(frozen=True)
class Preset:
    """low, high: in the volume's unit, or percentiles of its values. unit: only where the volume's unit holds it."""

    name: str
    low: float
    high: float
    percentiles: bool = False
    unit: str = ""

    def window(self, volume: Volume) -> Window:
        """The window for a volume."""
        low, high = _percentiles(volume, self.low, self.high) if self.percentiles else (self.low, self.high)
        return Window((low + high) / 2, max(high - low, 1e-6), self.name)


def presets(volume: Volume) -> tuple[Preset, ...]:
    """At most nine, in the order of the number keys. Pictures in colour have none."""
    if volume.color:
        return ()
    table = _table()
    fitting = table.get(volume.modality, table["*"])
    return tuple(preset for preset in fitting if preset.unit in volume.unit)[:9]


@cache
def _table() -> dict[str, tuple[Preset, ...]]:
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return {modality: tuple(Preset(**entry) for entry in entries) for modality, entries in stored.items()}


def _percentiles(volume: Volume, low: float, high: float) -> tuple[float, float]:
    """Of every n-th voxel in each direction, of all where the extremes count; stored values, then rescaled."""
    extremes = low <= 0 and high >= 100
    step = 1 if extremes else max(1, int(np.ceil((volume.array.size / SAMPLES) ** (1 / 3))))
    k, j, i = (min(step, n) for n in volume.grid.shape)
    values = volume.array[k // 2 :: k, j // 2 :: j, i // 2 :: i]
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    stored = np.array([values.min(), values.max()]) if extremes else np.percentile(values, (low, high))
    ends = stored.astype(np.float64) * volume.slope + volume.intercept
    return float(ends.min()), float(ends.max())
