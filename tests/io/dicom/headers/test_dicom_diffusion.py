"""b-values and gradient directions of every vendor, in the patient's axes, in order, and kept in what is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, only
from tests.fixtures.dicom_phantom import dataset, ramp, write, write_enhanced
from tests.fixtures.dicom_weightings import canon, ge, philips, siemens, siemens_csa, standard, uih
from viewer.data.volume import Diffusion
from viewer.io.dicom.headers.header import Frame
from viewer.io.dicom.headers.scan import scan_file
from viewer.io.images.save import save_image
from viewer.io.reader.reader import index_now, load_now

G = (0.36, -0.48, 0.8)  # a unit vector with three components that differ
AXIAL, CORONAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)


def stack(
    folder: Path, number: int, mark: Callable[[Dataset], None], syntax: UID = ExplicitVRLittleEndian
) -> list[Path]:
    """The slices of one volume, each marked; values tell the volume by its number."""
    paths = []
    for k in range(SHAPE[0]):
        ds = dataset(
            ramp(SHAPE)[k],
            Modality="MR",
            SOPClassUID=MRImageStorage,
            ImageOrientationPatient=list(AXIAL),
            ImagePositionPatient=[float(x) for x in STRAIGHT.to_world((k, 0, 0))],
            PixelSpacing=[float(x) for x in STRAIGHT.spacing[1:]],
        )
        mark(ds)
        paths.append(write(folder / f"{k}.dcm", ds, ramp(SHAPE)[k] + np.int16(number), syntax))
    return paths


VENDORS = [standard, siemens, siemens_csa, philips, ge, uih, canon]


def frame_of(folder: Path, mark: Callable[[Dataset], None], orientation: tuple[float, ...] = AXIAL) -> Frame:
    ds = dataset(ramp((4, 5)), Modality="MR", ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=list(orientation))
    mark(ds)
    return scan_file(str(write(folder / "one.dcm", ds, ramp((4, 5))))).frames[0]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("vendor", VENDORS)
def test_volumes_are_in_the_order_of_their_b_values(tmp_path: Path, vendor: Callable[..., None], syntax: UID) -> None:
    paths = []
    for n, (b, g) in enumerate([(1000.0, G), (0.0, (0, 0, 0)), (500.0, G), (1000.0, (0.8, 0.6, 0))]):
        paths += stack(tmp_path / str(n), n, lambda ds, b=b, g=g: vendor(ds, b, g), syntax)
    image = only(paths)
    assert (image.timepoints, image.grid.shape) == (4, SHAPE)
    assert image.plan.times == ("b = 0", "b = 500", "b = 1000, direction 1", "b = 1000, direction 2")
    assert [one.b_value for one in image.plan.diffusion] == [0, 500, 1000, 1000]
    directions = [one.direction for one in image.plan.diffusion]
    assert directions[0] is None
    assert directions[1] == directions[2] == pytest.approx(G, abs=1e-3)
    assert directions[3] == pytest.approx((0.8, 0.6, 0), abs=1e-3)


@pytest.mark.parametrize("block", [0x10, 0x11, 0x2A, 0xFF])
def test_a_creator_may_reserve_any_block(tmp_path: Path, block: int) -> None:
    frame = frame_of(tmp_path, lambda ds: siemens(ds, 700, G, block=block))
    assert (frame.b_value, frame.gradient) == (700, pytest.approx(G))


def test_the_same_element_of_another_creator_is_no_b_value(tmp_path: Path) -> None:
    def other(ds: Dataset) -> None:
        ds.add_new((0x0019, 0x0010), "LO", "SOMEBODY ELSE")
        ds.add_new((0x0019, 0x0011), "LO", "SIEMENS MR HEADER")
        ds.add_new((0x0019, 0x100C), "IS", 123)
        ds.add_new((0x0019, 0x110C), "IS", 700)

    assert frame_of(tmp_path, other).b_value == 700
    assert frame_of(tmp_path, lambda ds: ds.add_new((0x0019, 0x100C), "IS", 123)).b_value is None


def test_what_private_blocks_hold_is_not_kept_in_the_index(tmp_path: Path) -> None:
    ds = dataset(ramp((4, 5)), Modality="MR")
    siemens_csa(ds, 0, (0, 0, 0))
    header = scan_file(str(write(tmp_path / "one.dcm", ds, ramp((4, 5)))))
    assert not any(tag >> 16 & 1 for tag in header.values.raw)


@pytest.mark.parametrize(("told", "meant"), [(1000000750, 750), (1000000000, 0), (750, 750), (0, 0)])
def test_ge_marks_b_values_by_a_large_number(tmp_path: Path, told: int, meant: float) -> None:
    def mark(ds: Dataset) -> None:
        ds.add_new((0x0043, 0x0010), "LO", "GEMS_PARM_01")
        ds.add_new((0x0043, 0x1039), "IS", [told, 8, 0, 0])

    assert frame_of(tmp_path, mark).b_value == meant


def test_a_short_direction_of_ge_is_a_lower_b_value(tmp_path: Path) -> None:
    half = tuple(x * 0.5**0.5 for x in G)
    frame = frame_of(tmp_path, lambda ds: ge(ds, 2000, half))
    assert (frame.b_value, frame.gradient) == (1000, pytest.approx(G, abs=1e-5))


# In plane: along rows, columns, the normal; what dcm2niix 1.0.20260724 writes for frequency, phase, slice = G.
@pytest.mark.parametrize(
    ("orientation", "encoded", "expected"),
    [
        (AXIAL, "COL", (0.36, -0.48, -0.8)),
        (AXIAL, "ROW", (-0.48, -0.36, -0.8)),
        (SAGITTAL, "COL", (0.36, -0.48, -0.8)),
        (SAGITTAL, "ROW", (-0.48, -0.36, -0.8)),
        (CORONAL, "COL", (0.36, 0.48, -0.8)),
        (CORONAL, "ROW", (0.48, -0.36, -0.8)),
    ],
)
def test_ge_counts_directions_from_the_encoding(
    tmp_path: Path, orientation: tuple[int, ...], encoded: str, expected: tuple[float, ...]
) -> None:
    turned = Rotation.from_euler("xyz", (8, -5, 12), degrees=True).apply(np.reshape(orientation, (2, 3)))
    axes = np.stack([*turned, np.cross(*turned)])

    def mark(ds: Dataset) -> None:
        ge(ds, 1000, (G[0], G[1], -G[2]))
        ds.InPlanePhaseEncodingDirection = encoded

    frame = frame_of(tmp_path, mark, tuple(turned.ravel()))
    assert frame.gradient is not None
    assert axes @ frame.gradient == pytest.approx(expected, abs=1e-5)


def test_directions_that_cannot_be_known_are_left_out(tmp_path: Path) -> None:
    def no_encoding(ds: Dataset) -> None:
        ge(ds, 1000, G)
        del ds.InPlanePhaseEncodingDirection

    def no_place(ds: Dataset) -> None:
        uih(ds, 1000, G)
        del ds.ImageOrientationPatient

    for mark in (no_encoding, no_place):
        frame = frame_of(tmp_path, mark)
        assert (frame.b_value, frame.gradient) == (1000, None)


@pytest.mark.parametrize("kind", ["I", "O"])
def test_a_trace_image_has_no_direction(tmp_path: Path, kind: str) -> None:
    frame = frame_of(tmp_path, lambda ds: philips(ds, 1000, G, kind=kind))
    assert (frame.b_value, frame.gradient is None) == (1000, kind == "I")


@pytest.mark.parametrize("broken", [-5.0, float("nan"), float("inf"), 1e9])
def test_what_can_be_no_b_value_is_not_believed(tmp_path: Path, broken: float) -> None:
    assert frame_of(tmp_path, lambda ds: uih(ds, broken, G)).b_value is None


def test_directions_of_an_enhanced_file(tmp_path: Path) -> None:
    def weighting(t: int, k: int, frame: Dataset) -> None:
        direction, item = Dataset(), Dataset()
        direction.DiffusionGradientOrientation = list(G)
        item.DiffusionBValue, item.DiffusionDirectionality = 800.0 * t, ("NONE", "DIRECTIONAL", "ISOTROPIC")[t]
        if t == 1:
            item.DiffusionGradientDirectionSequence = Sequence([direction])
        frame.MRDiffusionSequence = Sequence([item])
        del frame.FrameContentSequence[0].TemporalPositionIndex

    image = only([write_enhanced(tmp_path / "e.dcm", ramp((3, *SHAPE)), STRAIGHT, frame=weighting)])
    assert image.plan.diffusion == (Diffusion(0), Diffusion(800, pytest.approx(G)), Diffusion(1600))


def test_private_attributes_that_a_legacy_converted_file_has_kept(tmp_path: Path) -> None:
    def kept(t: int, k: int, frame: Dataset) -> None:
        item = Dataset()
        siemens(item, 800 * t, G if t else (0, 0, 0), block=0x12)
        frame.UnassignedPerFrameConvertedAttributesSequence = Sequence([item])
        del frame.FrameContentSequence[0].TemporalPositionIndex

    image = only([write_enhanced(tmp_path / "e.dcm", ramp((2, *SHAPE)), STRAIGHT, frame=kept)])
    assert image.plan.diffusion == (Diffusion(0), Diffusion(800, pytest.approx(G)))


def test_a_derived_series_keeps_them(tmp_path: Path) -> None:
    for n, (b, g) in enumerate([(0.0, (0, 0, 0)), (1000.0, G), (1000.0, (0, 0.6, 0.8))]):
        stack(tmp_path / "in" / str(n), n, lambda ds, b=b, g=g: siemens(ds, b, g))
    (image,), _ = index_now([str(tmp_path / "in")])
    save_image(load_now(image), tmp_path / "out", "dicom")
    (again,), _ = index_now([str(tmp_path / "out")])
    assert again.plan.diffusion == image.plan.diffusion
    assert [volume.diffusion for volume in load_now(again)] == list(image.plan.diffusion)
