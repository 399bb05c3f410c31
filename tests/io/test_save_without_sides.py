"""An image of which no side is known claims none when it is saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.io.reader import Reader, index_now, load_now
from viewer.io.save import save


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd"])
def test_what_has_no_sides_claims_none_when_it_is_saved(reader: Reader, tmp_path: Path, ending: str) -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    volume = Volume(array, Grid.of(array.shape, (2, 0.7, 0.5), placed=False), "ultrasound")
    target = tmp_path / f"a{ending}"
    save([volume], target, "nrrd" if ending == ".nrrd" else "nifti")
    (image,), refused = index_now([target], reader)
    assert not refused
    assert not image.grid.placed
    assert image.grid.spacing.tolist() == pytest.approx([2, 0.7, 0.5])
    (again,) = load_now(image, reader)
    assert np.array_equal(again.values(), array)
