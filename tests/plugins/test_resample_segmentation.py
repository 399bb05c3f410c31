"""Label maps on another grid: segments that overlap keep their own maps."""

from __future__ import annotations

import numpy as np

from plugins.resample import resample_segmentation
from viewer.api import Grid, Job, Segment, Segmentation, Volume


def test_every_map_is_resampled_and_progress_never_falls() -> None:
    first, second = np.zeros((4, 8, 8), np.uint8), np.zeros((4, 8, 8), np.uint8)
    first[1:3, 2:6, 2:6], second[1:3, 4:8, 4:8] = 1, 7
    segments = Segment(1, "organ"), Segment(7, "lesion", layer=1)
    labels = Segmentation(first, Grid.of((4, 8, 8), (2, 2, 2)), segments, overlapping=(second,))
    onto = Volume(np.zeros((8, 16, 16), np.int16), Grid.of((8, 16, 16), origin=(-0.5, -0.5, -0.5)))
    told: list[float] = []
    job = Job(tell=lambda fraction, text: told.append(fraction))
    made = resample_segmentation(labels, onto, None, job, interpolation="nearest")
    assert made.segments == segments
    assert [int((map > 0).sum()) for map in made.maps] == [8 * 32, 8 * 32]
    assert set(np.unique(made.maps[1])) == {0, 7}
    assert told == sorted(told)
