"""The two images of a registration: checked, as lattices, and what a metric sees of them at each resolution."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viewer.api import Job, Landmarks, Refusal, Segmentation, Volume

from .classical import mind
from .classical.lattice import Floats, Lattice, Sampler, volume_lattice
from .classical.metric_level import MetricLevel
from .classical.metrics import Joint, LocalCorrelation, MeanSquares, Metric, mutual_information
from .inputs import RegistrationInputs

FINER = 2  # times as close as compared voxels the moving image is sampled for linear steps
VOXELS, PIXELS = 1_000_000, 60_000  # of a volume, of a slice, that are compared at the finest linear level
LABELS = 32  # of the labels in both label maps, at most
LABEL_SHARE = 0.3  # of the labels in the joint metric, against the images' 1


@dataclass(frozen=True)
class Pair:
    """The two images on the job's device. levels: by their mm, metric, radius and kind, made when asked for."""

    fixed: Lattice
    moving: Lattice
    fixed_mask: Lattice | None = None
    moving_mask: Lattice | None = None
    labels: tuple[Segmentation, Segmentation] | None = None
    landmarks: Landmarks | None = None
    levels: dict[tuple[float, str, int, bool], MetricLevel] = field(default_factory=dict)

    @property
    def flat(self) -> bool:
        """True for two single slices."""
        return self.fixed.shape[0] == 1

    @property
    def unit(self) -> float:
        """Distance between voxels at the finest linear level, mm."""
        sizes = np.array(self.fixed.shape) * self.fixed.spacing
        wanted = np.sqrt(sizes[1:].prod() / PIXELS) if self.flat else np.cbrt(sizes.prod() / VOXELS)
        return float(max(wanted, self.fixed.spacing[1:].min()))

    def level(self, mm: float, metric: str, *, radius: int = 2, exact: bool = False) -> MetricLevel:
        """The level that `metric` (no longer "automatic") compares with about `mm` between voxels.

        exact: for linear steps: the moving image is sampled more closely. Else for deformations: see LocalCorrelation.
        """
        key = mm, metric, radius, exact
        if key not in self.levels:
            self.levels.clear()  # one resolution at a time: that is all the memory it takes
            self.levels[key] = self._make(*key)
        return self.levels[key]

    def _make(self, mm: float, metric: str, radius: int, exact: bool) -> MetricLevel:
        # patches of MIND-SSC are measured in voxels
        finer = FINER if exact and self.labels is None and metric != "MIND-SSC" else 1
        fixed, moving = self.fixed.downsample(mm), self.moving.downsample(mm, finer)
        f, m = fixed.values, moving.values
        if finer > 1:  # the same interpolation on both sides: identical images are then most alike where they are
            close = self.fixed.downsample(mm, finer)
            f = Sampler(close.values, np.linalg.inv(close.affine) @ fixed.affine, fixed.shape)()
        if metric == "MIND-SSC":
            f, m = (self._descriptors(end, mm) for end in (self.fixed, self.moving))
        measure = _metric(metric, f, m, radius, still=not exact)
        if self.labels is not None:
            common = _common(*self.labels)
            shares = [_shares(one, common, f.device, mm) for one in self.labels]
            measure = Joint([(measure, len(f), 1.0), (MeanSquares(shares[0]), len(shares[0]), LABEL_SHARE)])
            f, m = torch.cat([f, shares[0]]), torch.cat([m, shares[1]])
        fixed_mask = self.fixed_mask.downsample(mm).values if self.fixed_mask is not None else None
        moving_mask = self.moving_mask.downsample(mm, finer).values if self.moving_mask is not None else None
        return MetricLevel(Lattice(f, fixed.affine), Lattice(m, moving.affine), measure, fixed_mask, moving_mask)

    def _descriptors(self, end: Lattice, mm: float) -> Tensor:
        """Descriptors of patches as small as the finest level shows, then of that size."""
        close = end.downsample(min(mm, self.unit))
        return Lattice(mind.descriptors(close.values), close.affine).downsample(mm).values


def _metric(name: str, fixed: Tensor, moving: Tensor, radius: int, *, still: bool) -> Metric:
    if name == "mutual information":
        return mutual_information(fixed, moving)
    return LocalCorrelation(fixed, radius, still=still) if name == "local correlation" else MeanSquares(fixed)


def _common(a: Segmentation, b: Segmentation) -> list[int]:
    both = np.intersect1d(np.unique(a.array), np.unique(b.array))
    return [int(label) for label in both if label][:LABELS]


def _shares(labels: Segmentation, values: list[int], device: torch.device, mm: float) -> Tensor:
    """[label, k, j, i] in 0…1: how much of each voxel, about `mm` wide, a label covers."""
    return torch.cat(
        [_lattice(labels.array == value, labels.grid.affine, device).downsample(mm).values for value in values]
    )


def _lattice(where: NDArray[np.bool_], affine: Floats, device: torch.device) -> Lattice:
    return Lattice(torch.from_numpy(where.astype(np.float32))[None].to(device), affine)


def prepare(inputs: RegistrationInputs, metric: str, job: Job, *, different_patients: bool) -> Pair:
    """The two images, on the job's device. Raises Refusal: one sentence for the user."""
    inputs.check(metric, different_patients=different_patients)
    with job.stage("preparing the images"):
        labels = None
        if inputs.fixed_labels is not None and inputs.moving_labels is not None:
            labels = inputs.fixed_labels, inputs.moving_labels
            if not _common(*labels):
                raise Refusal("the two label maps have no label in common: give label maps with the same labels.")
        fixed, moving = (volume_lattice(image, job.device) for image in (inputs.fixed, inputs.moving))
        fixed_mask = _mask(inputs.fixed, inputs.fixed_mask, fixed)
        moving_mask = _mask(inputs.moving, inputs.moving_mask, moving)
        return Pair(fixed, moving, fixed_mask, moving_mask, labels, inputs.landmarks)


def _mask(image: Volume, mask: Segmentation | None, end: Lattice) -> Lattice | None:
    """Where the image counts: in the mask, and where it has values."""
    known = np.isfinite(image.array) if image.array.dtype.kind == "f" else None
    known = known.all(axis=3) if known is not None and known.ndim == 4 else known
    if mask is None and (known is None or known.all()):
        return None
    inside = np.ones(image.grid.shape, bool) if mask is None else mask.array > 0
    if not inside.any():
        raise Refusal("the mask is empty: paint where the images are to be compared, or leave it out.")
    inside = inside if known is None else inside & known
    return _lattice(inside, image.grid.affine, end.values.device)
