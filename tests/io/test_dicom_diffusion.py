"""b-values and gradient directions of every vendor, in the patient's axes, in order, and kept in what is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage
from scipy.spatial.transform import Rotation

from tests.fixtures.csa_header import csa_header
from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, only
from tests.fixtures.dicom_phantom import dataset, ramp, write, write_enhanced
from viewer.compute.resample import resample
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Diffusion, Volume
from viewer.io.dicom_csa import csa_numbers, csa_texts
from viewer.io.dicom_header import Frame
from viewer.io.dicom_scan import scan_file
from viewer.io.fsl_gradients import fsl_axes
from viewer.io.reader import index_now, load_now
from viewer.io.save import save
from viewer.io.stored import SaveError

G = (0.36, -0.48, 0.8)  # a unit vector with three components that differ
AXIAL, CORONAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)


def siemens(ds: Dataset, b: float, g: tuple[float, ...], block: int = 0x10) -> None:
    ds.add_new((0x0019, block), "LO", "SIEMENS MR HEADER")
    ds.add_new((0x0019, block << 8 | 0x0C), "IS", int(b))
    if any(g):
        ds.add_new((0x0019, block << 8 | 0x0E), "FD", list(g))


def siemens_csa(ds: Dataset, b: float, g: tuple[float, ...]) -> None:
    ds.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
    tags = {"EchoLinePosition": ["64"], "B_value": [f"{b:g}"], "DiffusionGradientDirection": [f"{x:.8f}" for x in g]}
    ds.add_new((0x0029, 0x1010), "OB", csa_header(tags if any(g) else {**tags, "DiffusionGradientDirection": []}))


def philips(ds: Dataset, b: float, g: tuple[float, ...], kind: str = "O") -> None:
    ds.add_new((0x2001, 0x0010), "LO", "Philips Imaging DD 001")
    ds.add_new((0x2001, 0x1003), "FL", b)
    ds.add_new((0x2001, 0x1004), "CS", kind)
    ds.add_new((0x2005, 0x0010), "LO", "Philips Imaging DD 005")
    ds.add_new((0x2005, 0x0012), "LO", "Philips MR Imaging DD 001")
    for low, x in zip((0xB0, 0xB1, 0xB2), g, strict=True):
        ds.add_new((0x2005, 0x1200 | low), "FL", x)


def ge(ds: Dataset, b: float, g: tuple[float, ...]) -> None:
    ds.InPlanePhaseEncodingDirection = "COL"
    ds.add_new((0x0019, 0x0010), "LO", "GEMS_ACQU_01")
    for low, x in zip((0xBB, 0xBC, 0xBD), (g[0], g[1], -g[2]), strict=True):
        ds.add_new((0x0019, 0x1000 | low), "DS", f"{x:g}")
    ds.add_new((0x0043, 0x0010), "LO", "GEMS_PARM_01")
    ds.add_new((0x0043, 0x1039), "IS", [int(1e9 + b), 8, 0, 0])


def uih(ds: Dataset, b: float, g: tuple[float, ...]) -> None:
    ds.add_new((0x0065, 0x0010), "LO", "Image Private Header")
    ds.add_new((0x0065, 0x1009), "FD", b)
    ds.add_new((0x0065, 0x1037), "FD", list(g))


def canon(ds: Dataset, b: float, g: tuple[float, ...]) -> None:
    ds.Manufacturer, ds.InPlanePhaseEncodingDirection = "TOSHIBA_MEC", "COL"
    ds.ImageComments = f"b={b:g}({g[1]:.3f},{g[0]:.3f},{-g[2]:.3f})"


def standard(ds: Dataset, b: float, g: tuple[float, ...]) -> None:
    ds.DiffusionBValue = b
    if any(g):
        ds.DiffusionGradientOrientation = list(g)


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
    frame = frame_of(tmp_path, lambda ds: siemens(ds, 700, G, block))
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


# In plane: along rows, along columns, along the normal; what dcm2niix 1.0.2025 writes for frequency, phase, slice = G.
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
    frame = frame_of(tmp_path, lambda ds: philips(ds, 1000, G, kind))
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


@pytest.mark.parametrize("old", [False, True])
def test_both_layouts_of_the_csa_header(old: bool) -> None:
    tags = {"A": ["1"], "B_value": ["1000"], "SliceNormalVector": ["0.1", "-0.2", "0.97"], "Empty": []}
    data = csa_header(tags, old=old)
    assert csa_numbers(data, "B_value") == (1000,)
    assert csa_numbers(data, "SliceNormalVector") == (0.1, -0.2, 0.97)
    assert csa_texts(data, "Empty") == csa_texts(data, "Missing") == ()


@given(st.data())
def test_a_damaged_csa_header_raises_nothing(data: st.DataObject) -> None:
    whole = csa_header({"A": ["1"], "B_value": ["1000"], "C": ["x" * 40, "y"]})
    cut = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 8)) if cut else 0):
        cut[data.draw(st.integers(0, len(cut) - 1))] = data.draw(st.integers(0, 255))
    for name in ("A", "B_value", "C"):
        csa_texts(bytes(cut), name)
        csa_numbers(bytes(cut), name)


def weighted(direction: np.ndarray | None = None) -> list[Volume]:
    grid = Grid.of(SHAPE, (2.5, 0.7, 0.8), (1, 2, 3), np.eye(3) if direction is None else direction)
    told = [Diffusion(0), Diffusion(1000, G), Diffusion(1500)]
    return [Volume(ramp(SHAPE) + np.int16(n), grid, "dwi", diffusion=one) for n, one in enumerate(told)]


def test_nifti_has_the_gradients_beside_it_as_fsl_reads_them(tmp_path: Path) -> None:
    saved = save(weighted(), tmp_path / "dwi.nii.gz", "nifti")
    assert saved.paths[2:] == (str(tmp_path / "dwi.bval"), str(tmp_path / "dwi.bvec"))
    assert (tmp_path / "dwi.bval").read_text() == "0 1000 1500\n"
    assert (tmp_path / "dwi.bvec").read_text() == "0 -0.36 0\n0 -0.48 0\n0 0.8 0\n"  # right-handed: x is turned over


def test_gradients_follow_the_axes_of_the_image(tmp_path: Path) -> None:
    turned = Rotation.from_euler("xyz", (30, 50, 70), degrees=True).as_matrix() * (1, 1, -1)
    save(weighted(turned), tmp_path / "dwi.nii", "nifti")
    vectors = np.loadtxt(tmp_path / "dwi.bvec")
    assert turned @ vectors[:, 1] == pytest.approx(G, abs=1e-5)  # left-handed: as they are


@given(st.lists(st.floats(-180, 180), min_size=3, max_size=3), st.booleans())
def test_fsl_axes_are_always_left_handed(angles: list[float], mirrored: bool) -> None:
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * ((1, 1, -1) if mirrored else (1, 1, 1))
    assert np.linalg.det(fsl_axes(Grid.of((2, 3, 4), direction=axes))) == pytest.approx(-1)


def test_gradients_are_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "dwi.bvec").write_text("mine")
    with pytest.raises(SaveError, match=r"dwi\.bvec is already there"):
        save(weighted(), tmp_path / "dwi.nii.gz", "nifti")
    assert (tmp_path / "dwi.bvec").read_text() == "mine"


def test_other_images_have_no_gradients_beside_them(tmp_path: Path) -> None:
    save([Volume(ramp(SHAPE), STRAIGHT)], tmp_path / "ct.nii.gz", "nifti")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct.json", "ct.nii.gz"]


def test_a_derived_series_keeps_them(tmp_path: Path) -> None:
    for n, (b, g) in enumerate([(0.0, (0, 0, 0)), (1000.0, G), (1000.0, (0, 0.6, 0.8))]):
        stack(tmp_path / "in" / str(n), n, lambda ds, b=b, g=g: siemens(ds, b, g))
    (image,), _ = index_now([str(tmp_path / "in")])
    save(load_now(image), tmp_path / "out", "dicom")
    (again,), _ = index_now([str(tmp_path / "out")])
    assert again.plan.diffusion == image.plan.diffusion
    assert [volume.diffusion for volume in load_now(again)] == list(image.plan.diffusion)


def test_gradients_turn_with_an_image_that_is_moved() -> None:
    turn = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3] = turn * 1.1
    _, volume, _ = weighted()
    moved = resample(volume, volume.grid, Transform(matrix)).diffusion
    assert moved == (1000, pytest.approx(turn.T @ G))
    assert resample(volume, volume.grid).diffusion == volume.diffusion
    field = np.zeros((*SHAPE, 3), np.float32)
    assert resample(volume, volume.grid, Transform(matrix, field, volume.grid)).diffusion == (1000, None)
