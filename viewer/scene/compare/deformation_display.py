"""How a transform itself is looked at, over the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DeformationStyle = Literal["grid", "arrows", "magnitude", "determinant"]
DEFORMATIONS: dict[DeformationStyle, str] = {  # what the buttons say
    "grid": "Warped grid",
    "arrows": "Arrows",
    "magnitude": "Magnitude",
    "determinant": "Change of volume",
}


@dataclass(frozen=True)
class Deformation:
    """How a transform is drawn. layer: id of its layer. spacing: between grid lines or arrows, mm; 0 for a fitting one.

    Of a transform with a displacement field the field alone is drawn, without the matrix that turns and shifts
    everything; of a matrix alone, the matrix. The change of volume is that of the whole: det J, folds (≤ 0) in red.
    """

    layer: str
    style: DeformationStyle = "grid"
    spacing: float = 0.0
