"""An image of which no side is known claims none when it is saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.io.images.save import Format, save_image
from viewer.io.reader.reader import Reader, index_now, load_now

FORMS: dict[str, Format] = {".nii": "nifti", ".nii.gz": "nifti", ".nrrd": "nrrd", ".mha": "mha"}


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("ending", FORMS)
def test_what_has_no_sides_claims_none_when_it_is_saved(
    reader: Reader, tmp_path: Path, ending: str, times: int
) -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    volume = Volume(array, Grid.of(array.shape, (2, 0.7, 0.5), placed=False), "ultrasound")
    target = tmp_path / f"a{ending}"
    save_image([volume] * times, target, FORMS[ending])
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(target))).sum() == array.sum() * times
    (image,), refused = index_now([target], reader)
    assert not refused
    assert not image.grid.placed
    assert image.grid.spacing.tolist() == pytest.approx([2, 0.7, 0.5])
    found = load_now(image, reader)
    assert len(found) == times
    assert all(np.array_equal(one.values(), array) for one in found)
