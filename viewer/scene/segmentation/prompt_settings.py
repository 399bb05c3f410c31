"""How the next prompt is meant."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.scene.segmentation.masking import Overlap


@dataclass(frozen=True)
class PromptSettings:
    """positive: it is of the structure (a box or lasso encloses it), else it is not.

    overlap: what becomes of other segments; they keep their voxels unless somebody says otherwise.
    """

    positive: bool = True
    overlap: Overlap = "keep others"
