"""How volumes look in 3-D: the presets of resources/presets/volume.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viewer.data.volume import Volume, Window

FILE = Path(__file__).parents[3] / "resources" / "presets" / "volume.json"


@dataclass(frozen=True)
class Preset:
    """opacity, color and gradient are points (value, y).

    Values are physical ("physical") or fractions of the layer's window ("window"); gradient values are fractions of
    the window's width a millimetre. blend: "composite" or "maximum". Colours are "rrggbb". Without opacity
    the image is not drawn: only segments are.
    """

    id: str
    title: str
    modalities: tuple[str, ...]
    values: str
    blend: str
    opacity: tuple[tuple[float, float], ...]
    color: tuple[tuple[float, str], ...]
    gradient: tuple[tuple[float, float], ...] = ()
    shade: bool = False
    ambient: float = 1.0
    diffuse: float = 0.0
    specular: float = 0.0
    power: float = 1.0


def _preset(entry: dict[str, Any]) -> Preset:
    points = {name: tuple(tuple(point) for point in entry.get(name, ())) for name in ("opacity", "color", "gradient")}
    return Preset(**{**entry, **points, "modalities": tuple(entry["modalities"])})


@cache
def presets() -> dict[str, Preset]:
    """All presets by id, in the order of the file."""
    entries = json.loads(FILE.read_text(encoding="utf-8"))["presets"]
    return {entry["id"]: _preset(entry) for entry in entries}


def presets_for(volume: Volume) -> tuple[Preset, ...]:
    """Those made for its modality first, then those for any."""
    special = tuple(preset for preset in presets().values() if volume.modality in preset.modalities)
    return special + tuple(preset for preset in presets().values() if not preset.modalities)


def stored_value(preset: Preset, value: float, volume: Volume, window: Window) -> float:
    """A preset's value as a stored value of the volume."""
    physical = value if preset.values == "physical" else window.lower + value * window.width
    return (physical - volume.intercept) / (volume.slope or 1.0)
