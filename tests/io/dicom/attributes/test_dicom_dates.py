"""A moment is a date and a time: over midnight, in time zones, with fractions, in the forms that files have."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, only, stored
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.io.dicom.attributes.dates import (
    ACQUISITION,
    ACQUISITION_DATETIME,
    DAY,
    UTC_OFFSET,
    acquisition_time,
    moment,
    unwrap_midnight,
)
from viewer.io.dicom.attributes.values import Values

moments = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
offsets = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def values(**texts: str) -> Values:
    tags = {"date": ACQUISITION[0], "time": ACQUISITION[1], "both": ACQUISITION_DATETIME, "offset": UTC_OFFSET}
    return Values(raw={tags[name]: text.encode() for name, text in texts.items()})


@given(one=moments, other=moments, zone=offsets, other_zone=offsets)
def test_the_difference_of_two_moments_is_that_of_the_calendar(
    one: datetime, other: datetime, zone: timezone, other_zone: timezone
) -> None:
    a, b = one.replace(tzinfo=zone), other.replace(tzinfo=other_zone)
    found = [acquisition_time(values(both=when.strftime("%Y%m%d%H%M%S.%f%z"))) for when in (a, b)]
    assert found[1] - found[0] == pytest.approx((b - a).total_seconds(), abs=1e-4)  # type: ignore[operator]
    apart = [
        values(date=when.strftime("%Y%m%d"), time=when.strftime("%H%M%S.%f"), offset=when.strftime("%z"))
        for when in (a, b)
    ]
    assert [acquisition_time(told) for told in apart] == pytest.approx(found, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 36000),
        ("1015", 36900),
        ("101530", 36930),
        ("101530.25", 36930.25),
        ("10:15:30.5", 36930.5),
        ("101560", 36960),
    ],
)
def test_times_are_read_in_every_form(text: str, seconds: float) -> None:
    assert moment(values(time=text), *ACQUISITION) == seconds


@pytest.mark.parametrize("text", ["", "noon", "256000", "1x1530", "109930"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert acquisition_time(values(time=text)) is None
    assert acquisition_time(values(both=f"20240101{text}")) is None


def test_a_date_that_does_not_exist_leaves_the_time_of_day() -> None:
    assert acquisition_time(values(date="20230230", time="101530")) == 36930


def test_times_of_day_go_on_over_midnight() -> None:
    assert unwrap_midnight([86390, None, 5, 20], [1, 2, 3, 4]) == [86390, None, DAY + 5, DAY + 20]
    assert unwrap_midnight([5, 20, 50], [1, 2, 3]) == [5, 20, 50]
    dated = [738000 * DAY + 86390, 738000 * DAY + 5]
    assert unwrap_midnight(dated, [1, 2]) == [dated[0], dated[1] + DAY]  # the date stayed, the numbers went on
    assert unwrap_midnight(dated, [2, 1]) == dated


@pytest.mark.parametrize(
    "told",
    [
        lambda t: {"AcquisitionDate": ["20200101", "20200101", "20200102"][t],
                   "AcquisitionTime": ["235940", "235955", "000010"][t]},
        lambda t: {"AcquisitionTime": ["235940", "235955", "000010"][t]},
        lambda t: {"AcquisitionDateTime": ["20200101235940", "20200101235955.0", "20200102000010"][t]},
        lambda t: {"AcquisitionDateTime": ["20200101235940+0100", "20200101225955+0000", "20200101230010+0000"][t]},
        lambda t: {"ContentDate": ["20200101", "20200101", "20200102"][t],
                   "ContentTime": ["235940", "235955", "000010"][t]},
    ],
)  # fmt: skip
def test_time_points_over_midnight_are_in_order(tmp_path: Path, told: Any) -> None:
    array = ramp((3, *SHAPE))
    paths: list[Path] = []
    for t in (2, 0, 1):
        paths += write_series(tmp_path / str(t), array[t], STRAIGHT, Modality="MR", InstanceNumber=3 - t, **told(t))
    image = only(paths)
    assert (stored(image) == array).all()
    assert image.times == (0, 15, 30)
    assert image.plan.times == ("0 s", "15 s", "30 s")
