"""The doubt of a mask with its map: as JSON and back, and refused where it is damaged."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from viewer.data.annotations.doubt import Doubt, DoubtFlag
from viewer.data.annotations.mask_doubt import MaskDoubt
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment
from viewer.scene.journal.serialization import restore_segments

AXES = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
GRID = Grid.of((3, 4, 5), (2.0, 0.5, 0.7), (4, -7, 11), AXES)
VOXELS = np.random.default_rng(2).integers(0, 256, GRID.shape).astype(np.uint8)
FOUND = MaskDoubt.of(Doubt(0.8, flags=(DoubtFlag("border", "It reaches the end."),)), VOXELS, GRID)


def test_the_map_comes_back_with_its_place() -> None:
    stored, grid = FOUND.map()
    assert np.array_equal(stored, VOXELS)
    assert np.allclose(grid.affine, GRID.affine)


def test_a_segment_carries_it_through_json() -> None:
    segment = Segment(2, "Liver", mask_doubt=FOUND)
    assert restore_segments(json.loads(json.dumps([asdict(segment)]))) == (segment,)
    older = asdict(segment)
    del older["mask_doubt"]
    assert restore_segments([older]) == (replace(segment, mask_doubt=None),)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("shape", (0, 4, 5), "empty"),
        ("shape", (1 << 10, 1 << 10, 1 << 10), "too large"),
        ("shape", (3, 4, 4), "another size"),
        ("shape", (3, 4, 6), "another size"),
        ("affine", FOUND.affine[:9], "12 numbers"),
        ("affine", (0.0,) * 12, "affine"),
        ("packed", "no base64!", "damaged"),
        ("packed", FOUND.packed[:20], "damaged|another size"),
    ],
)
def test_what_does_not_fit_is_refused(field: str, value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(FOUND, **{field: value})
