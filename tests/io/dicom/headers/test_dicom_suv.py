"""SUVbw of PET headers as vendors write them: factors that their workstations show, and why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.fixtures.dicom_indexed import only
from tests.fixtures.dicom_phantom import dataset, write

# Headers of real series and factors: cornerstonejs/calculate-suv, test/metadata (MIT), times of the first instance.
COMMON = {"DecayCorrection": "START", "CorrectedImage": ["DECY", "ATTN", "SCAT"], "Units": "BQML"}
PHILIPS = COMMON | {
    "SeriesDate": "20201217", "SeriesTime": "110155", "PatientWeight": "64", "AcquisitionDate": "20201217",
    "AcquisitionTime": "110156", "FrameReferenceTime": "1328700", "ActualFrameDuration": "120700",
}  # fmt: skip
PHILIPS_DRUG = {
    "RadionuclideTotalDose": "126000000", "RadionuclideHalfLife": "6586.199707",
    "RadiopharmaceuticalStartTime": "100058", "RadiopharmaceuticalStartDateTime": "20201217100058",
}  # fmt: skip
SIEMENS = COMMON | {
    "SeriesDate": "20201217", "SeriesTime": "104829.000000", "PatientWeight": "67", "AcquisitionDate": "20201217",
    "AcquisitionTime": "104830.351370", "FrameReferenceTime": "38513.36", "ActualFrameDuration": "74324",
}  # fmt: skip
SIEMENS_DRUG = {
    "RadionuclideTotalDose": "374000000", "RadionuclideHalfLife": "6586.2",
    "RadiopharmaceuticalStartTime": "083045.000000", "RadiopharmaceuticalStartDateTime": "20201217083045.000000",
}  # fmt: skip
CPS = COMMON | {
    "SeriesDate": "20201217", "SeriesTime": "134918.000000", "PatientWeight": "69", "AcquisitionDate": "20201217",
    "AcquisitionTime": "130348.234000", "FrameReferenceTime": "0", "ActualFrameDuration": "180000",
}  # fmt: skip
CPS_DRUG = {
    "RadionuclideTotalDose": "388000000", "RadionuclideHalfLife": "6586.2",
    "RadiopharmaceuticalStartTime": "120037.000000",
}  # fmt: skip


def pet(folder: Path, header: dict[str, Any], drug: dict[str, Any] | None, private: Any = None, **more: Any) -> Any:
    """The image of three slices with such headers."""
    paths = []
    for k in range(3):
        pixels = np.full((6, 5), k, np.int16)
        ds = dataset(pixels, **{"Modality": "PT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128", **header, **more})
        ds.ImagePositionPatient, ds.InstanceNumber = [0, 0, 3.0 * k], k + 1
        ds.SOPInstanceUID = f"1.2.3.4.{k}"
        if drug is not None:
            ds.RadiopharmaceuticalInformationSequence = [Dataset()]
            for name, value in drug.items():
                setattr(ds.RadiopharmaceuticalInformationSequence[0], name, value)
        if private:
            private(ds)
        paths.append(write(folder / f"{k}.dcm", ds, pixels))
    return only(paths)


def why(image: Any) -> str:
    assert image.suvbw_factor is None
    return next(notice.sentence for notice in image.notices if notice.code == "no-suv")


@pytest.mark.parametrize(
    ("header", "drug", "factor"),
    [(PHILIPS, PHILIPS_DRUG, 0.0007463747013889488), (SIEMENS, SIEMENS_DRUG, 0.00042748316187197236),
     (CPS, CPS_DRUG, 0.00026503312764157046)],
)  # fmt: skip
def test_factors_are_those_of_the_vendors(tmp_path: Path, header: Any, drug: Any, factor: float) -> None:
    assert pet(tmp_path, header, drug).suvbw_factor == pytest.approx(factor, rel=1e-6)


def test_counts_of_philips_have_factors_of_their_own(tmp_path: Path) -> None:
    def scales(*values: tuple[int, str]) -> Any:
        def add(ds: Dataset) -> None:
            block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
            for element, value in values:
                block.add_new(element, "DS", value)

        return add

    counts = PHILIPS | {"Units": "CNTS"}
    assert pet(tmp_path, counts, PHILIPS_DRUG, scales((0x00, "0.000551"))).suvbw_factor == 0.000551
    by_activity = pet(tmp_path, counts, PHILIPS_DRUG, scales((0x00, "0"), (0x09, "4.709921"))).suvbw_factor
    assert by_activity == pytest.approx(4.709921 * 0.0007463747013889488, rel=1e-6)
    assert "unit is CNTS" in why(pet(tmp_path, counts, PHILIPS_DRUG))


def test_over_midnight(tmp_path: Path) -> None:
    late = SIEMENS | {"SeriesTime": "004829", "AcquisitionTime": "004830"}
    before = {**SIEMENS_DRUG, "RadiopharmaceuticalStartTime": "223045"}
    dated = {**before, "RadiopharmaceuticalStartDateTime": "20201216223045"}
    undated = {name: value for name, value in before.items() if name != "RadiopharmaceuticalStartDateTime"}
    for drug in (dated, undated):
        assert pet(tmp_path, late, drug).suvbw_factor == pytest.approx(0.00042748316187197236, rel=1e-6)


def test_an_offset_from_utc_counts(tmp_path: Path) -> None:
    drug = {**SIEMENS_DRUG, "RadiopharmaceuticalStartDateTime": "20201217073045.000000+0000"}
    image = pet(tmp_path, SIEMENS, drug, TimezoneOffsetFromUTC="+0100")
    assert image.suvbw_factor == pytest.approx(0.00042748316187197236, rel=1e-6)
    undated = {name: value for name, value in SIEMENS_DRUG.items() if name != "RadiopharmaceuticalStartDateTime"}
    image = pet(tmp_path, SIEMENS, undated, TimezoneOffsetFromUTC="+0100")
    assert image.suvbw_factor == pytest.approx(0.00042748316187197236, rel=1e-6)


def test_a_series_of_a_later_time_is_counted_from_its_reference_time(tmp_path: Path) -> None:
    """Frame of 120.7 s whose counts are as on average 60.2 s after it began, told to lie 1328.7 s after the start."""
    image = pet(tmp_path, PHILIPS | {"SeriesTime": "150000", "AcquisitionTime": "112304.5"}, PHILIPS_DRUG)
    rate = np.log(2) / 6586.199707
    middle = np.log(rate * 120.7 / (1 - np.exp(-rate * 120.7))) / rate
    waited = (11 * 3600 + 23 * 60 + 4.5) - (10 * 3600 + 58) + middle - 1328.7
    assert image.suvbw_factor == pytest.approx(64000 / (126e6 * np.exp(-rate * waited)), rel=1e-6)


def test_scan_times_of_ge_count_where_the_series_is_later(tmp_path: Path) -> None:
    def scan(ds: Dataset) -> None:
        ds.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20201217104829.00")

    image = pet(tmp_path, SIEMENS | {"SeriesTime": "150000"}, SIEMENS_DRUG, scan)
    assert image.suvbw_factor == pytest.approx(0.00042748316187197236, rel=1e-6)


def test_decay_to_the_administration_and_values_that_are_suv(tmp_path: Path) -> None:
    assert pet(tmp_path, SIEMENS, SIEMENS_DRUG, DecayCorrection="ADMIN").suvbw_factor == pytest.approx(67000 / 374e6)
    assert pet(tmp_path, SIEMENS, SIEMENS_DRUG, Units="GML").suvbw_factor == 1
    assert pet(tmp_path, SIEMENS, SIEMENS_DRUG, Units="GML", SUVType="BW").suvbw_factor == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"PatientWeight": ""}, "weight is missing"), ({"PatientWeight": "0"}, "weight is missing"),
     ({"PatientWeight": "67000"}, "67000 kg"), ({"DecayCorrection": "NONE"}, "Decay Correction is NONE"),
     ({"CorrectedImage": ["DECY"]}, "not corrected"), ({"Units": "PROPCPS"}, "PROPCPS"),
     ({"Units": "GML", "SUVType": "LBM"}, "LBM"), ({"SeriesTime": "", "AcquisitionTime": ""}, "time of the scan"),
     ({"SeriesDate": "20191217", "AcquisitionDate": "20191217"}, "before the scan")],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_the_reason(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    assert reason in why(pet(tmp_path, SIEMENS, SIEMENS_DRUG, **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"RadionuclideTotalDose": "374"}, "374 Bq"), ({"RadionuclideTotalDose": ""}, "dose is missing"),
     ({"RadionuclideHalfLife": ""}, "half-life"),
     ({"RadiopharmaceuticalStartTime": "", "RadiopharmaceuticalStartDateTime": ""}, "time of the injection")],
)  # fmt: skip
def test_a_drug_that_is_not_known_is_the_reason(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    assert reason in why(pet(tmp_path, SIEMENS, SIEMENS_DRUG | changes))


def test_ct_has_no_suv_and_says_nothing(tmp_path: Path) -> None:
    image = pet(tmp_path, {}, None, Modality="CT")
    assert image.suvbw_factor is None
    assert "no-suv" not in {notice.code for notice in image.notices}
