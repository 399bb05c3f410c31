"""In which part of the brain a lesion lies: at the ventricles, at the cortex, below the tentorium, or deep.

As the criteria for MS tell regions apart (MAGNIMS: Filippi et al., Lancet Neurol 15, 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from viewer.api import Grid

LesionRegion = Literal["periventricular", "juxtacortical", "infratentorial", "deep white matter"]
REGIONS: tuple[LesionRegion, ...] = get_args(LesionRegion)
VENTRICLES, CORTEX, INFRATENTORIAL = (4, 5, 14, 43, 44), (3, 42), (7, 8, 15, 16, 46, 47)  # FreeSurfer's numbers
TOUCHES_VENTRICLE, TOUCHES_CORTEX = 2.0, 1.5  # mm: two neighbours of a segmentation of 1 mm do not always touch


@dataclass(frozen=True, eq=False)
class BrainRegions:
    """Distances in mm on a grid of 1 mm [k, j, i]; infratentorial: where the cerebellum or the stem is nearest."""

    grid: Grid
    to_ventricles: NDArray[np.float32]
    to_cortex: NDArray[np.float32]
    infratentorial: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: NDArray[np.uint16], grid: Grid) -> BrainRegions:
        """From FreeSurfer's numbers."""
        ventricles, cortex, below = (
            distance_transform_edt(~np.isin(labels, numbers)).astype(np.float32)
            for numbers in (VENTRICLES, CORTEX, INFRATENTORIAL)
        )
        above = distance_transform_edt((labels == 0) | np.isin(labels, (24, *INFRATENTORIAL)))
        return cls(grid, ventricles, cortex, below < above)

    def region(self, index: NDArray[np.integer], grid: Grid) -> LesionRegion:
        """Of a lesion's voxels (n, 3) [k, j, i] on a grid in the same space: of both, that which is named first."""
        places = np.rint(self.grid.to_index(grid.to_world(index))).astype(int)
        k, j, i = places.clip(0, np.array(self.grid.shape) - 1).T
        if self.infratentorial[k, j, i].mean() > 0.5:
            return "infratentorial"
        if self.to_ventricles[k, j, i].min() <= TOUCHES_VENTRICLE:
            return "periventricular"
        return "juxtacortical" if self.to_cortex[k, j, i].min() <= TOUCHES_CORTEX else "deep white matter"

    def of_lesions(self, labels: NDArray[np.uint16], grid: Grid) -> dict[int, LesionRegion]:
        """By label, of a map [k, j, i] on a grid in the same space."""
        found = {}
        for label, box in enumerate(find_objects(labels), start=1):
            if box is not None:
                index = np.argwhere(labels[box] == label) + [side.start for side in box]
                found[label] = self.region(index, grid)
        return found
