"""Where NIfTI files put their voxels, and what is said of it: by the standard's own formulas, on random headers."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.fixtures.nifti_file import SHAPE, nifti
from tests.fixtures.two_placements import QFORM, SFORM, two_placements
from viewer.data.notice import UNMEASURED
from viewer.io.errors import OpenError
from viewer.io.images.headers.nifti_header import parse, placement
from viewer.io.images.image_files import describe_image
from viewer.io.reader.reader import Reader, load_now

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def codes(data: bytes) -> dict[str, tuple[str, str]]:
    return {notice.code: (notice.sentence, notice.badge) for notice in placement(parse(data)).notices}


def by_index(data: bytes) -> np.ndarray[Any, Any]:
    """The affine from (i, j, k) to LPS."""
    affine = placement(parse(data)).affine.copy()
    affine[:3, :3] = affine[:3, 2::-1]
    return affine


def quaternion_affine(b: float, c: float, d: float, zooms: Any, offset: Any, handed: float) -> np.ndarray[Any, Any]:
    """Method 2 of nifti1.h, in RAS."""
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    turn = [
        [a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c],
        [2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b],
        [2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - b * b - c * c],
    ]
    affine = np.eye(4)
    affine[:3, :3] = np.array(turn) * zooms * [1, 1, handed]
    affine[:3, 3] = offset
    return affine


numbers = st.floats(-1, 1, width=32)
triples = st.tuples(numbers, numbers, numbers)


@settings(max_examples=150, deadline=None)
@given(
    q=triples, offset=triples, rows=st.lists(triples, min_size=4, max_size=4),
    sizes=st.tuples(*[st.floats(0.3, 5)] * 3), qform=st.integers(0, 4), sform=st.integers(0, 4),
    handed=st.sampled_from([-1.0, 1.0]), order=st.sampled_from("<>"), version=st.sampled_from([1, 2]),
    unit=st.sampled_from([(0, 1), (1, 1000), (2, 1), (3, 0.001)]),
)  # fmt: skip
def test_the_sform_is_taken_else_the_qform_else_none(
    q, offset, rows, sizes, qform, sform, handed, order, version, unit
) -> None:
    quatern = np.array(q, np.float32) / max(1.0, float(np.linalg.norm(q)) * 1.001)
    srow = np.array(rows, np.float32).T.astype(float)
    srow[:, :3] += np.eye(3) * 2
    assume(abs(np.linalg.det(srow[:, :3])) > 0.1)
    data = nifti(
        order=order, version=version, codes=[qform, sform], quatern=quatern, qoffset=offset, srow=srow,
        pixdim=[handed, *sizes, 0, 0, 0, 0], units=unit[0] | 8,
    )  # fmt: skip
    found, placed = by_index(data), placement(parse(data)).placed
    if sform:
        wanted = LPS @ np.vstack([srow, [0, 0, 0, 1]])
    elif qform:
        wanted = LPS @ quaternion_affine(*quatern.astype(float), np.float32(sizes), offset, handed)
    else:
        wanted = np.diag([*sizes, 1])
    assert placed == bool(sform or qform)
    np.testing.assert_allclose(found[:3], wanted[:3] * unit[1], rtol=1e-4, atol=2e-5 * unit[1])
    assert ("no-orientation" in codes(data)) == (not placed)


def test_no_code_means_no_sides_and_keeps_the_spacing() -> None:
    found = placement(parse(nifti(codes=[0, 0])))
    assert not found.placed
    np.testing.assert_array_equal(found.affine[:3, :3], np.diag([2, 3, 4])[:, ::-1])
    assert codes(nifti(codes=[0, 0]))["no-orientation"][1] == "sides not known"


def test_two_placements_are_said_with_both_their_names() -> None:
    near = nifti(codes=[1, 2], quatern=[0, 0, 0], qoffset=[0, 0, 0])
    assert "two-placements" not in codes(near)
    sentence, badge = codes(nifti(codes=[1, 4], quatern=[0, 0, 0], qoffset=[5, 0, 0]))["two-placements"]
    assert "5 mm" in sentence
    assert "sform (MNI 152)" in sentence
    assert "qform (scanner)" in sentence
    assert badge


@pytest.mark.parametrize("srow", [np.zeros((3, 4)), np.full((3, 4), np.nan)])
def test_a_damaged_sform_gives_way_to_the_qform(srow: Any) -> None:
    data = nifti(codes=[1, 1], srow=srow, quatern=[0, 0, 0], qoffset=[1, 2, 3])
    np.testing.assert_allclose(by_index(data)[:3], (LPS @ [[2, 0, 0, 1], [0, 3, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])[:3])
    assert "damaged-sform" in codes(data)
    assert not placement(parse(nifti(codes=[0, 1], srow=srow))).placed


@pytest.mark.parametrize("size", [0.0, -3.0, np.nan, np.inf])
def test_a_voxel_size_that_is_none_is_said(size: float) -> None:
    pixdim = [1, 2, size, 4, 0, 0, 0, 0]
    for given_codes in ([0, 0], [1, 0]):
        data = nifti(codes=given_codes, pixdim=pixdim)
        assert codes(data)["no-pixel-spacing"][1] == UNMEASURED
        assert np.linalg.norm(by_index(data)[:3, 1]) == pytest.approx(3 if size == -3 else 1)
    assert codes(nifti(pixdim=pixdim))["no-pixel-spacing"][1] == ""  # the matrix has it


def test_voxel_sizes_that_contradict_the_matrix_are_said() -> None:
    sentence, badge = codes(nifti(pixdim=[1, 1, 1, 1, 0, 0, 0, 0]))["contradicting-spacing"]
    assert "2 × 3 × 4" in sentence
    assert badge == UNMEASURED


@pytest.mark.parametrize(
    ("units", "code", "badge"),
    [(0, "no-length-unit", ""), (1, "length-unit", ""), (3, "length-unit", ""), (5, "no-length-unit", UNMEASURED)],
)
def test_units_are_said(units: int, code: str, badge: str) -> None:
    assert codes(nifti(units=units))[code][1] == badge
    assert not codes(nifti(units=2))


@pytest.mark.parametrize(
    ("dim", "shape"),
    [
        ([3, 7, 6, 5, 9, 9, 9, 9], (5, 6, 7)),  # what lies beyond does not count
        ([7, 7, 6, 5, 1, 1, 1, 1], (5, 6, 7)),
        ([4, 7, 6, 5, 0, 1, 1, 1], (5, 6, 7)),
        ([2, 7, 30, 5, 1, 1, 1, 1], (1, 30, 7)),
        ([1, 210, 1, 1, 1, 1, 1, 1], (1, 1, 210)),
    ],
)
def test_odd_dimensions(tmp_path: Path, dim: list[int], shape: tuple[int, ...]) -> None:
    (tmp_path / "a.nii").write_bytes(nifti(dim=dim))
    image = describe_image(str(tmp_path / "a.nii"))
    assert image.grid.shape == shape
    assert image.timepoints == 1


@pytest.mark.parametrize(
    "dim", [[0] * 8, [9, 7, 6, 5, 1, 1, 1, 1], [3, 7, 0, 5, 1, 1, 1, 1], [3, -1, 6, 5, 1, 1, 1, 1]]
)
def test_impossible_dimensions_are_refused(dim: list[int]) -> None:
    with pytest.raises(OpenError):
        parse(nifti(dim=dim))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_volumes_that_the_header_leaves_out_are_said(tmp_path: Path, ending: str) -> None:
    array = np.zeros((*SHAPE, 3), np.int16)
    data = nifti(array, dim=[3, *SHAPE, 1, 1, 1, 1])
    (tmp_path / f"a{ending}").write_bytes(gzip.compress(data) if ending == ".nii.gz" else data)
    notice = next(one for one in describe_image(str(tmp_path / f"a{ending}")).notices if one.code == "surplus-volumes")
    assert "2 more volumes" in notice.sentence


def test_seconds_of_time_points_are_known_where_the_file_tells_their_unit() -> None:
    array = np.zeros((*SHAPE, 3), np.int16)
    pixdim = [1, 2, 3, 4, 1.5, 0, 0, 0]
    assert parse(nifti(array, pixdim=pixdim)).times == (0, 1.5, 3)
    assert parse(nifti(array, pixdim=pixdim, units=2 | 16)).times == (0, 0.0015, 0.003)
    assert parse(nifti(array, pixdim=pixdim, units=2)).times == ()


def test_of_two_placements_either_is_taken_where_it_is_chosen(tmp_path: Path) -> None:
    """By hand: sform diag(2, 3, 4) in RAS; qform half a turn about z, which is diag(-2, -3, 4), moved."""
    image = describe_image(str(two_placements(tmp_path / "a.nii")))
    assert image.other is not None
    for one, form, affine in ((image, "sform", SFORM), (image.other, "qform", QFORM)):
        np.testing.assert_allclose(one.grid.to_world((3, 2, 1)), affine[:3] @ (1, 2, 3, 1), atol=1e-5)
        assert (one.source.placement, one.plan.form) == ((form,), form)
        assert next(notice for notice in one.notices if notice.code == "two-placements").badge
    assert image.other.other is not None
    assert (image.other.other.key, image.other.other.grid) == (image.key, image.grid)
    assert len({image.key, image.other.key}) == 2


@pytest.mark.parametrize(
    ("fields", "placement"),
    [
        ({"codes": [0, 1]}, ("sform",)),
        ({"codes": [1, 0]}, ("qform",)),
        ({"codes": [0, 0]}, ()),
        ({"quatern": [0, 0, 0], "qoffset": [0, 0, 0]}, ("sform", "qform")),  # they agree
        ({"srow": np.zeros((3, 4))}, ("qform",)),
        ({"quatern": [np.nan, 0, 0]}, ("sform",)),
        ({"units": 3, "pixdim": [1, 1e-4, 1e-4, 1e-4, 0, 0, 0, 0]}, ("sform",)),  # smaller than any grid's voxels
    ],
)
def test_what_has_no_second_placement_offers_none(
    tmp_path: Path, fields: dict[str, Any], placement: tuple[str, ...]
) -> None:
    image = describe_image(str(two_placements(tmp_path / "a.nii", **fields)))
    assert (image.other, image.source.placement) == (None, placement)
    assert "two-placements" not in {notice.code for notice in image.notices}


def test_a_file_that_lost_the_chosen_placement_is_not_placed_by_another(tmp_path: Path, reader: Reader) -> None:
    image = describe_image(str(two_placements(tmp_path / "a.nii"))).other
    assert image is not None
    np.testing.assert_allclose(load_now(image, reader)[0].grid.affine, image.grid.affine)
    status = os.stat(tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[252:254] = bytes(2)  # its qform_code
    (tmp_path / "a.nii").write_bytes(data)
    os.utime(tmp_path / "a.nii", ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(OpenError, match="no qform"):
        load_now(image, reader)
