from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.compute.images.difference import difference
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.volume import Volume

RNG = np.random.default_rng(0)
GRID = Grid.of((5, 6, 7), (2, 1, 1))


def volume(kind: str, **changes: object) -> Volume:
    limits = np.iinfo(kind) if np.dtype(kind).kind in "iu" else np.iinfo(np.int8)
    array = RNG.integers(limits.min, limits.max, GRID.shape, endpoint=True, dtype=np.int64)
    return Volume(array.astype(kind), GRID, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("kinds", [("int16", "int16"), ("uint16", "int16"), ("uint8", "uint8"), ("float32", "int16")])
@pytest.mark.parametrize("scale", [(1.0, 0.0), (0.25, -1024.0)])
def test_result_minus_input_is_exact(kinds: tuple[str, str], scale: tuple[float, float]) -> None:
    result, before = (volume(kind, slope=scale[0], intercept=scale[1]) for kind in kinds)
    gap = difference(result, before)
    assert np.array_equal(gap.values(), result.values() - before.values())
    assert gap.array.dtype == (np.float32 if "float32" in kinds else np.int16 if kinds[0] == "uint8" else np.int32)


def test_small_changes_stay_in_16_bits() -> None:
    before = volume("int16")
    after = replace(before, array=np.clip(before.array, -32760, 32760))
    assert difference(after, before).array.dtype == np.int16


def test_different_scales() -> None:
    result, before = volume("int16", slope=2.0), volume("int16")
    assert np.array_equal(difference(result, before).values(), result.values() - before.values())


def test_it_keeps_where_it_came_from() -> None:
    before = volume("int16", unit="HU", badges=("lossy",))
    made = Provenance("denoise", "1.0", "0.1", parameters={"strength": 1.0})
    gap = difference(replace(before, name="CT – Denoise", provenance=made), before)
    assert gap.name == "CT – Denoise, difference"
    assert (gap.unit, gap.badges, gap.grid) == ("HU", ("lossy",), before.grid)
    assert gap.provenance is not None
    assert gap.provenance.parameters == {"of": "denoise", "strength": 1.0}


def test_other_grids_and_colours_are_refused() -> None:
    before = volume("uint8")
    with pytest.raises(ValueError, match="resample"):
        difference(replace(before, grid=Grid.of(GRID.shape, origin=(1, 0, 0))), before)
    with pytest.raises(ValueError, match="colour"):
        difference(before, Volume(np.zeros((*GRID.shape, 3), np.uint8), GRID))
