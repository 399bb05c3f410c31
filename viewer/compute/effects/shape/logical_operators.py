"""Two segments put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.data.arrays import Mask


def union(one: Mask, other: Mask) -> Mask:
    """The voxels that are in one or in both. Box: around both."""
    return one | other


def intersection(one: Mask, other: Mask) -> Mask:
    """The voxels that are in both. Box: around the one that becomes it."""
    return one & other


def difference(one: Mask, other: Mask) -> Mask:
    """The voxels that are in one and not in the other. Box: around the one."""
    return one & ~other
