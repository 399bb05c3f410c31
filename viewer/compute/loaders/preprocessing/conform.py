"""A head as mri_convert --conform of FreeSurfer makes it: 256³ voxels of 1 mm along the patient's axes, 256 levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.images.resample import resample, resample_labels
from viewer.compute.loaders.preprocessing.intensity import EightBit, Step
from viewer.compute.loaders.preprocessing.orientation import WORLD, Crop, foreground, smallest_type
from viewer.compute.memory_check import check_memory
from viewer.data.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.compute.loaders.external_model import Decision
    from viewer.compute.loaders.preprocessing.label_stream import LinearHead
    from viewer.compute.progress import Progress
    from viewer.data.arrays import Floats32
    from viewer.data.volume import Volume

SIDE = 256
MARGIN = 18  # voxels of nothing that brainchop leaves around a head


def conformed_grid(grid: Grid, axes: str) -> Grid:
    """256³ voxels of 1 mm around the middle of a grid, with axes as letters tell ("LIA")."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for place, (world, sign) in enumerate(WORLD[letter] for letter in axes):
        affine[world, place] = sign
    affine[:3, 3] = grid.centre - affine[:3, :3] @ np.full(3, (SIDE - 1) / 2)
    return Grid((SIDE,) * 3, affine)


class ConformedImage:
    """PreparedImages whose labels come back to the image's own grid by the greatest share of a voxel.

    box: the part of the cube that the model sees; the rest of `grid`, the cube's, is background.
    """

    def __init__(
        self,
        cube: Floats32,
        box: tuple[slice, slice, slice],
        notes: tuple[str, ...],
        grid: Grid,
        own: Grid,
        decision: Decision,
    ) -> None:
        self.array, self.notes = np.ascontiguousarray(cube[:, *box]), notes
        self._grid, self._own, self._box, self._decision = grid, own, box, decision
        self._values = np.zeros(cube.shape[1:], np.uint16)

    def use_head(self, head: LinearHead) -> None:
        """Raises NotImplementedError: no model of this kind gives features."""
        raise NotImplementedError("networks over a conformed head give their channels")

    def take(self, slices: slice, slab: Floats32) -> None:
        """Decide on finished slices [c, k, j, i] of the box, in order."""
        self._values[self._box][slices] = self._decision(slab)

    def labels(self) -> NDArray[Any]:
        """The label map [k, j, i] on the image's own grid."""
        return smallest_type(resample_labels(self._values, self._grid, self._own))

    def image(self) -> Floats32:
        """Raises NotImplementedError: no model of this kind makes an image."""
        raise NotImplementedError("a conformed head is for label maps only")


@dataclass(frozen=True)
class Conformation:
    """How a model wants a head. axes: as letters ("LIA"). after: what is done to the 256 levels.

    whole: the model must see all of the cube at once; else the empty margin around the head is left out. What lies
    outside the cube is background.
    """

    axes: str
    after: tuple[Step, ...]
    decision: Decision
    whole: bool

    def __call__(self, volumes: Sequence[Volume], job: Progress) -> ConformedImage:
        """The head as the model wants it, and the way back. Raises Refusal where memory is short; Cancelled."""
        volume = volumes[0]
        grid = conformed_grid(volume.grid, self.axes)
        check_memory(SIDE**3 * 4 * 32, "a network on 256 × 256 × 256 voxels", job.device)
        values = volume.values()
        EightBit()(values[None])
        head = volume.with_values(values)
        array = values[None] if grid.matches(volume.grid) else np.rint(resample(head, grid, outside=0).array[None])
        for step in self.after:
            job.progress(0.0)
            step(array)
        box = foreground(array, None if self.whole else Crop(margin=MARGIN))
        note = "resampled to 256³ voxels of 1 mm for the model"
        return ConformedImage(array, box, (note,), grid, volume.grid, self.decision)
