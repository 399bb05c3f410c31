"""What pixels can be measured with, and what has been done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, only
from tests.fixtures.dicom_phantom import dataset, ramp, write, write_series


@pytest.mark.parametrize(
    ("attributes", "spacing", "badge"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.1]}, [0.2, 0.1], "not for measurement"),
        ({"PixelSpacing": [0.2, 0.1]}, [0.2, 0.1], "not for measurement"),
        ({"PixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"}, [0.2, 0.1], ""),
        (
            {"ImagerPixelSpacing": [0.2, 0.1], "EstimatedRadiographicMagnificationFactor": 2},
            [0.1, 0.05],
            "estimated spacing",
        ),
        ({"PixelAspectRatio": [2, 1]}, [2, 1], "not for measurement"),
        ({"PixelSpacing": [0, -1]}, [1, 1], "not for measurement"),
    ],
)
def test_what_a_radiograph_can_be_measured_with(
    tmp_path: Path, attributes: dict[str, Any], spacing: list[float], badge: str
) -> None:
    pixels = ramp((6, 5)).astype(np.uint16)
    ds = dataset(pixels, Modality="DX", PhotometricInterpretation="MONOCHROME1", **attributes)
    image = only([write(tmp_path / "dx.dcm", ds, pixels)])
    assert image.grid.spacing[1:] == pytest.approx(spacing)
    assert image.badges == ((badge,) if badge else ())
    assert image.plan.inverted
    assert any("MONOCHROME1" in word for word in image.warnings)


def test_a_radiotherapy_image_has_the_spacing_of_its_plane(tmp_path: Path) -> None:
    ds = dataset(ramp((6, 5)), Modality="RTIMAGE", ImagePlanePixelSpacing=[0.4, 0.3])
    image = only([write(tmp_path / "rt.dcm", ds, ramp((6, 5)))])
    assert image.grid.spacing[1:] == pytest.approx([0.4, 0.3])
    assert [notice.code for notice in image.notices] == ["detector-spacing"]


def test_lossy_compression_is_said(tmp_path: Path) -> None:
    image = only(
        write_series(tmp_path, ramp(SHAPE), STRAIGHT, LossyImageCompression="01", LossyImageCompressionRatio=12)
    )
    assert image.badges == ("lossy",)
    assert "lossy compression, 12:1" in image.warnings[0]
