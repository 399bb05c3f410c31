"""The table of segments as CSV: read back as it was, safe in spreadsheets, and never half a file."""

from __future__ import annotations

import csv
import io

import pytest

from viewer.compute.labels.statistics import SegmentStatistics
from viewer.data.segmentation import Segment
from viewer.files import atomic_write
from viewer.io.errors import SaveError
from viewer.io.reports.segment_table import save_table, table

LIVER = SegmentStatistics(
    Segment(5, "Liver, left", code=("SCT", "10200004", "Liver"), state="completed"),
    1000, 1234.5, 678.25, 101.25, 20.0, -50.0, 300.0, 99.0,
)  # fmt: skip
EMPTY = SegmentStatistics(Segment(300, '=HYPERLINK("x")\nnext', layer=1), 0, 0.0, 0.0)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_each_segment_is_a_line_and_each_number_has_its_unit():
    liver, empty = rows_of(table([LIVER, EMPTY], "HU"))
    assert liver["segment"] == "Liver, left"
    assert (liver["label map"], liver["label"], liver["state"]) == ("1", "5", "completed")
    assert liver["code"] == "SCT 10200004 Liver"
    assert float(liver["volume (mm³)"]) == 1234.5
    assert float(liver["volume (ml)"]) == 1.2345
    assert float(liver["surface (mm²)"]) == 678.25
    found = [float(liver[f"{name} (HU)"]) for name in ("mean", "SD", "median", "minimum", "maximum")]
    assert found == [101.25, 20, 99, -50, 300]
    assert empty["mean (HU)"] == ""
    assert "mean" in rows_of(table([LIVER]))[0]


def test_no_name_becomes_a_formula():
    assert rows_of(table([EMPTY]))[0]["segment"] == '\'=HYPERLINK("x")\\x0anext'


def test_a_table_is_saved_whole_over_an_older_one(tmp_path):
    target = tmp_path / "segments.csv"
    target.write_text("older")
    save_table([LIVER, EMPTY], target, "HU")
    assert target.read_text("utf-8-sig") == table([LIVER, EMPTY], "HU").replace("\r\n", "\n")
    assert [path.name for path in tmp_path.iterdir()] == ["segments.csv"]


def test_a_place_that_is_not_there_is_said_in_a_sentence(tmp_path):
    with pytest.raises(SaveError, match=r"segments.csv was not saved: the folder is not there"):
        save_table([LIVER], tmp_path / "gone" / "segments.csv")


def test_a_full_disk_leaves_the_older_table(tmp_path, monkeypatch):
    target = tmp_path / "segments.csv"
    target.write_text("older")

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write, "flush", full)
    with pytest.raises(SaveError, match="the disk is full"):
        save_table([LIVER], target)
    assert target.read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["segments.csv"]
