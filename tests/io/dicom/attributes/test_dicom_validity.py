"""Damaged numbers are said and never become defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, one_sentence, only
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.notice import UNMEASURED
from viewer.io.dicom.headers.scan import scan_file
from viewer.io.errors import ScanError

PLACEHOLDERS = {"PixelSpacing": b"7.7777\\8.8888", "RescaleIntercept": b"7.7777", "WindowWidth": b"7.7777"}


def damaged(folder: Path, keyword: str, text: bytes, **attributes: Any) -> list[Path]:
    """A series whose value of `keyword` is `text`, which no library would write."""
    place = PLACEHOLDERS[keyword]
    told = [float(part) for part in place.decode().split("\\")]
    paths = write_series(folder, ramp(SHAPE), STRAIGHT, **{**attributes, keyword: told if len(told) > 1 else told[0]})
    for path in paths:
        data = path.read_bytes()
        assert data.count(place) == 1
        path.write_bytes(data.replace(place, text.ljust(len(place))[: len(place)]))
    return paths


@pytest.mark.parametrize("text", [b"0,5\\0,5", b"fine\\fine", b"nan\\nan", b"inf\\1", b"-1\\-1", b"0\\0", b"0.5"])
def test_a_damaged_spacing_is_said_and_nothing_is_measured_with_it(tmp_path: Path, text: bytes) -> None:
    image = only(damaged(tmp_path, "PixelSpacing", text))
    assert [notice.code for notice in image.notices] == ["invalid-pixel-spacing"]
    assert image.badges == (UNMEASURED,)
    assert image.grid.shape == SHAPE


def test_a_missing_spacing_of_placed_slices_is_said(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, PixelSpacing=lambda k: []))
    assert [notice.code for notice in image.notices] == ["no-pixel-spacing"]
    assert image.badges == (UNMEASURED,)


@pytest.mark.parametrize("text", [b"-1024HU", b"nan", b"1,5", b"inf"])
def test_a_damaged_intercept_takes_the_unit_away(tmp_path: Path, text: bytes) -> None:
    image = only(damaged(tmp_path, "RescaleIntercept", text, RescaleSlope=2))
    assert (image.unit, image.plan.slope, image.plan.intercept) == ("", 1, 0)
    assert [notice.code for notice in image.notices] == ["invalid-rescale"]
    assert image.badges == ("values not calibrated",)


def test_a_slope_of_zero_is_no_slope(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, RescaleSlope=0, RescaleIntercept=-1024))
    assert (image.unit, [notice.code for notice in image.notices]) == ("", ["invalid-rescale"])


def test_ct_without_rescale_is_not_in_hounsfield_units_and_says_so(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, RescaleSlope=None, RescaleIntercept=None))
    assert (image.unit, [notice.code for notice in image.notices]) == ("", ["no-rescale"])


def test_values_that_no_display_can_hold_are_refused(tmp_path: Path) -> None:
    paths = write_series(tmp_path, ramp(SHAPE), STRAIGHT, slices=[0], RescaleSlope=1e300)
    with pytest.raises(ScanError) as refused:
        scan_file(str(paths[0]))
    assert one_sentence(str(refused.value))


@pytest.mark.parametrize("text", [b"wide", b"-400", b"0", b"nan"])
def test_a_damaged_window_is_left_out_and_said(tmp_path: Path, text: bytes) -> None:
    image = only(damaged(tmp_path, "WindowWidth", text, WindowCenter=40))
    assert image.plan.windows == ()
    assert [notice.code for notice in image.notices] == ["invalid-window"]


def test_a_damaged_position_is_said(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, ImagePositionPatient=lambda k: [1e9, 0, k]))
    assert not image.grid.placed
    assert "invalid-position" in {notice.code for notice in image.notices}
