"""What a trained model made says so in every file it is saved to, whatever its review."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from classic_series import PROVENANCE, classic_series, ct_array, oblique_grid

from viewer.io.images.save import Format, save_image
from viewer.scene.layer import MARKS, Review, VolumeLayer, exported, volume_layer


@pytest.fixture
def learned(tmp_path: Path) -> VolumeLayer:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape))
    made = replace(PROVENANCE, plugin="Net", learned=True, model="net", model_sha256="ab" * 32)
    return volume_layer((replace(volume, array=np.ascontiguousarray(array[:, ::-1]), provenance=made),))


@pytest.mark.parametrize("review", ["unreviewed", "accepted", "rejected"])
def test_dicom_says_it_in_image_type_description_and_derivation(
    learned: VolumeLayer, tmp_path: Path, review: Review
) -> None:
    learned.review = review
    save_image(exported(learned), tmp_path / "out", "dicom", learned.badges[0])
    for path in (tmp_path / "out").glob("*.dcm"):
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        assert list(ds.ImageType)[:2] == ["DERIVED", "SECONDARY"]
        assert f"[{MARKS[review, True]}: Net]" in ds.SeriesDescription
        assert ds.DerivationDescription.startswith("AI-altered. ")
        assert "net, SHA-256 " + "ab" * 32 in ds.DerivationDescription


@pytest.mark.parametrize("review", ["unreviewed", "accepted", "rejected"])
@pytest.mark.parametrize(("kind", "ending"), [("nifti", ".nii.gz"), ("nrrd", ".nrrd"), ("mha", ".mha")])
def test_the_json_beside_says_it(
    learned: VolumeLayer, tmp_path: Path, review: Review, kind: Format, ending: str
) -> None:
    learned.review = review
    save_image(exported(learned), tmp_path / f"out{ending}", kind, learned.badges[0])
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["mark"] == MARKS[review, True]
    assert MARKS[review, True] in told["badges"]
    assert told["provenance"]["learned"] is True
