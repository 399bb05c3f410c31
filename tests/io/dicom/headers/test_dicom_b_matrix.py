"""A b-matrix alone tells the b-value and the axis of the gradient, and that its sign is a convention."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.fixtures.csa_header import csa_header
from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, only
from tests.fixtures.dicom_phantom import AXIAL, dataset, ramp, write, write_enhanced
from tests.fixtures.dicom_weightings import COMPONENTS, matrix_of
from viewer.io.dicom.headers.header import Frame
from viewer.io.dicom.headers.scan import scan_file

G = (-0.36, 0.48, -0.8)  # its largest component is negative: the convention turns it


def standard(ds: Dataset, matrix: Sequence[float], b: float | None = None, kind: str = "BMATRIX") -> None:
    item = Dataset()
    for name, value in zip(COMPONENTS, matrix, strict=True):
        setattr(item, f"DiffusionBValue{name}", value)
    ds.DiffusionBMatrixSequence = Items([item])
    ds.DiffusionDirectionality = kind
    if b is not None:
        ds.DiffusionBValue = b


def siemens(ds: Dataset, matrix: Sequence[float], b: float) -> None:
    ds.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
    ds.add_new((0x0019, 0x100C), "IS", int(b))
    ds.add_new((0x0019, 0x1027), "FD", list(matrix))


def siemens_csa(ds: Dataset, matrix: Sequence[float], kind: str = "DIRECTIONAL") -> None:
    tags = {"DiffusionDirectionality": [kind], "B_matrix": [f"{x:.8f}" for x in matrix]}
    ds.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
    ds.add_new((0x0029, 0x1010), "OB", csa_header({"EchoLinePosition": ["64"], **tags}))


def classic(manufacturer: str = "") -> Dataset:
    return dataset(
        ramp((4, 5)),
        Modality="MR",
        Manufacturer=manufacturer,
        ImagePositionPatient=[0, 0, 0],
        ImageOrientationPatient=list(AXIAL),
    )


def frame_of(folder: Path, ds: Dataset) -> Frame:
    return scan_file(str(write(folder / "one.dcm", ds, ramp((4, 5))))).frames[0]


def codes(frame: Frame) -> list[str]:
    return [notice.code for notice in frame.doubts if notice.code == "gradient-sign"]


@pytest.mark.parametrize("told", [None, 995.0])
def test_the_principal_axis_is_the_direction_and_the_trace_the_b_value(tmp_path: Path, told: float | None) -> None:
    ds = classic()
    standard(ds, matrix_of(1000, G), told)
    frame = frame_of(tmp_path, ds)
    assert (frame.b_value, frame.gradient) == (pytest.approx(told or 1000), pytest.approx([-x for x in G]))
    assert codes(frame) == ["gradient-sign"]


def test_siemens_matrices_are_read_where_no_direction_is_told(tmp_path: Path) -> None:
    private, csa, told = classic(), classic(), classic()
    siemens(private, matrix_of(1004, G), 1000)
    siemens_csa(csa, matrix_of(1004, G))
    siemens(told, matrix_of(1004, G), 1000)
    told.add_new((0x0019, 0x100E), "FD", list(G))
    frames = [frame_of(tmp_path / str(n), ds) for n, ds in enumerate((private, csa, told))]
    assert [frame.b_value for frame in frames] == [1000, pytest.approx(1004), 1000]
    assert frames[0].gradient == frames[1].gradient == pytest.approx([-x for x in G])
    assert frames[2].gradient == pytest.approx(G)
    assert [codes(frame) for frame in frames] == [["gradient-sign"], ["gradient-sign"], []]


def test_the_frames_of_an_enhanced_file(tmp_path: Path) -> None:
    def weighting(t: int, k: int, frame: Dataset) -> None:
        item = Dataset()
        if t:
            standard(item, matrix_of(800, ((1, 0, 0), (0, 0.6, 0.8))[t - 1]))
        else:
            item.DiffusionBValue, item.DiffusionDirectionality = 0.0, "NONE"
        frame.MRDiffusionSequence = Items([item])
        del frame.FrameContentSequence[0].TemporalPositionIndex

    image = only([write_enhanced(tmp_path / "e.dcm", ramp((3, *SHAPE)), STRAIGHT, frame=weighting)])
    assert [one.b_value for one in image.plan.diffusion] == pytest.approx([0, 800, 800])
    directions = [one.direction for one in image.plan.diffusion]
    assert directions == [None, pytest.approx((0, 0.6, 0.8)), pytest.approx((1, 0, 0))]
    assert "gradient-sign" in [notice.code for notice in image.notices]


@pytest.mark.parametrize("right", [True, False])
def test_the_order_of_older_paravision_is_known_by_its_trace(tmp_path: Path, right: bool) -> None:
    xx, xy, xz, yy, yz, zz = matrix_of(650, G)
    ds = classic("Bruker BioSpin MRI GmbH")
    standard(ds, (xx, xy, xz, yy, yz, zz) if right else (xx, xy, xz, xy, yy, yz), 650)
    assert frame_of(tmp_path, ds).gradient == pytest.approx([-x for x in G], abs=1e-5)


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (matrix_of(1000, G), 400.0),  # contradicts the b-value
        ([300.0, 0, 0, 300, 0, 300], 900.0),  # no axis
        ([-100.0, 0, 0, 1100, 0, 0], 1000.0),  # none that can be
        ([1e300, 1e300, 0, 1e300, 0, 0], 1000.0),
        ([float("nan")] * 6, 1000.0),
    ],
)
def test_a_matrix_that_cannot_be_tells_no_direction(tmp_path: Path, matrix: list[float], told: float) -> None:
    ds = classic()
    standard(ds, matrix, told)
    frame = frame_of(tmp_path, ds)
    assert (frame.b_value, frame.gradient, codes(frame)) == (told, None, [])


def test_what_has_no_direction_gets_none_from_its_matrix(tmp_path: Path) -> None:
    trace, csa = classic(), classic()
    standard(trace, matrix_of(1000, G), kind="ISOTROPIC")
    siemens_csa(csa, matrix_of(5, G), "NONE")
    frame = frame_of(tmp_path / "0", trace)
    assert (frame.b_value, frame.gradient) == (pytest.approx(1000), None)
    assert frame_of(tmp_path / "1", csa).gradient is None


def test_equal_gradients_have_equal_signs(tmp_path: Path) -> None:
    """Two components of one size: rounding does not turn the axis from slice to slice."""
    g = np.array((1.0, -1.0, 0.0)) / 2**0.5
    found = []
    for n, noise in enumerate((1 - 1e-9, 1 + 1e-9)):
        ds = classic()
        standard(ds, matrix_of(1000, g * (noise, 1, 1)))
        found.append(frame_of(tmp_path / str(n), ds).gradient)
    assert found[0] == found[1] == pytest.approx(tuple(g))


def test_united_imaging_turns_only_its_private_direction_with_the_picture(tmp_path: Path) -> None:
    ds = classic()
    ds.DiffusionBValue, ds.DiffusionGradientOrientation = 1000, [1, 0, 0]
    ds.add_new((0x0065, 0x0010), "LO", "Image Private Header")
    ds.add_new((0x0065, 0x1009), "FD", 1000)
    ds.add_new((0x0065, 0x1037), "FD", [0, 0.6, 0.8])
    assert frame_of(tmp_path, ds).gradient == pytest.approx((0, 0.6, 0.8))
