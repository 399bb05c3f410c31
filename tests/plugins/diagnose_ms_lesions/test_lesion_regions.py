"""A lesion is named by what it touches."""

from __future__ import annotations

import numpy as np

from plugins.diagnose_ms_lesions.lesion_regions import BrainRegions
from tests.plugins.diagnose_ms_lesions.head_phantom import head_labels
from viewer.api import Grid


def test_each_region_by_its_place() -> None:
    labels = head_labels()
    grid = Grid.of(labels.shape, (1, 1, 1), (-36, -36, -36))
    regions = BrainRegions.of(labels, grid)
    lesions = np.zeros(labels.shape, np.uint16)
    lesions[34:37, 34:37, 44:47] = 1  # beside the ventricle, whose radius is 8
    lesions[34:37, 34:37, 60:62] = 2  # white matter ends at 26
    lesions[12:14, 34:37, 34:37] = 3  # 22 mm below the middle
    lesions[34:37, 34:37, 51:54] = 4
    assert regions.of_lesions(lesions, grid) == {
        1: "periventricular", 2: "juxtacortical", 3: "infratentorial", 4: "deep white matter",
    }  # fmt: skip


def test_a_region_is_the_same_on_another_grid() -> None:
    labels = head_labels()
    grid = Grid.of(labels.shape, (1, 1, 1), (-36, -36, -36))
    thick = Grid.of((24, 72, 72), (3, 1, 1), (-36, -36, -35))
    lesions = np.zeros(thick.shape, np.uint16)
    lesions[12, 34:37, 44:47] = 1
    assert BrainRegions.of(labels, grid).of_lesions(lesions, thick) == {1: "periventricular"}
