"""How a result is held against what it was computed from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from viewer.data.annotations.region import Point
from viewer.data.volume import Volume
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer

Mode = Literal["blend", "wipe", "difference"]


@dataclass(frozen=True)
class Inspection:
    """How a result is inspected. result: id of its layer. While that is active, slice views show only it and its input.

    blend: the part of the result, 0…1. at: the point in LPS mm that the wipe's line goes through in every view.
    upright: the line stands (the input on its left), or lies (the input above it). flipped: the input alone, for now.
    """

    result: str
    mode: Mode = "blend"
    blend: float = 1.0
    at: Point = (0.0, 0.0, 0.0)
    upright: bool = True
    flipped: bool = False


@dataclass(frozen=True, eq=False)
class InspectionPair:
    """A result being held against its input: the layers, and how."""

    original: VolumeLayer
    result: VolumeLayer
    difference: VolumeLayer | None
    how: Inspection

    @property
    def shown(self) -> tuple[VolumeLayer, ...]:
        """What is drawn, bottom first: both, or the one that is seen alone."""
        if self.how.flipped or (self.how.mode == "blend" and self.how.blend == 0):
            return (self.original,)
        return (self.difference,) if self.difference else (self.original, self.result)

    @property
    def share(self) -> float:
        """The opacity of the result over its input."""
        return self.how.blend if self.how.mode == "blend" else 1.0


def inspection_pair(document: Document, inspection: Inspection | None, active: str) -> InspectionPair | None:
    """What is being inspected, while the result is the active layer. Without its difference the result is shown."""
    if inspection is None or inspection.result != active:
        return None
    result = document.find(active)
    original = input_of(document, result) if isinstance(result, VolumeLayer) else None
    if not isinstance(result, VolumeLayer) or original is None:
        return None
    if inspection.mode != "difference":
        return InspectionPair(original, result, None, inspection)
    difference = difference_of(document, result)
    how = inspection if difference else replace(inspection, mode="blend", blend=1.0)
    return InspectionPair(original, result, difference, how)


def input_of(document: Document, layer: VolumeLayer | None) -> VolumeLayer | None:
    """The layer that a result was computed from, where it is there and the two can be seen and measured together.

    They can on one grid, in one unit, in grey values. None for sources and for differences.
    """
    if layer is None or layer.is_difference:
        return None
    found = document.find(layer.made_from)
    if not isinstance(found, VolumeLayer):
        return None
    made, original = layer.volumes[0], found.volume(layer.made_at)
    alike = made.grid.matches(original.grid) and made.unit == original.unit and not (made.color or original.color)
    return found if alike else None


def difference_of(document: Document, layer: VolumeLayer) -> VolumeLayer | None:
    """The layer that shows what a result changed: made by the same run, and named after its volume."""
    made = layer.volumes[0]
    for other in document.volume_layers:
        one = other.volumes[0]
        named = other.is_difference and one.name == f"{made.name}, difference"
        if named and other.made_from == layer.made_from and _run(one) == _run(made):
            return other
    return None


def _run(volume: Volume) -> tuple[str, float]:
    """When the run that made a volume began, and how long it took."""
    made = volume.provenance
    return (made.started, made.seconds) if made else ("", 0.0)
