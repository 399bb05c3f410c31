"""The audit trail: complete, in order, and what was tampered with is found."""

from __future__ import annotations

import errno
import os
from multiprocessing import get_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.io.reports.audit_log import append, check, entries


@pytest.fixture
def trail(tmp_path):
    path = tmp_path / "audit.jsonl"
    for n in range(5):
        append(path, "MK", "case", case=f"c{n}", state="flagged")
    return path


def test_entries_say_who_what_and_when_in_their_order(trail):
    found = entries(trail)
    assert [(one.reader, one.what, one.facts["case"]) for one in found] == [("MK", "case", f"c{n}") for n in range(5)]
    assert [one.time for one in found] == sorted(one.time for one in found)
    assert check(trail) == ""
    assert [one.facts["case"] for one in entries(trail, most=2)] == ["c3", "c4"]


@pytest.mark.parametrize("line", range(4))
def test_a_changed_line_is_found_at_the_next_one(trail, line):
    lines = trail.read_text().splitlines(keepends=True)
    lines[line] = lines[line].replace("flagged", "completed")
    trail.write_text("".join(lines))
    assert f"broken at line {line + 2}" in check(trail)


@pytest.mark.parametrize("line", range(4))
def test_a_line_taken_out_is_found(trail, line):
    lines = trail.read_text().splitlines(keepends=True)
    del lines[line]
    trail.write_text("".join(lines))
    assert f"broken at line {line + 1}" in check(trail)


def test_lines_that_changed_places_are_found(trail):
    lines = trail.read_text().splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    trail.write_text("".join(lines))
    assert "broken at line 2" in check(trail)


def test_a_line_cut_off_by_a_power_failure_is_named_and_the_trail_goes_on(trail):
    trail.write_bytes(trail.read_bytes()[:-20])
    append(trail, "MK", "case", case="after")
    assert check(trail) == "Line 5 is no entry: it was cut off or written over."
    assert entries(trail)[-1].facts["case"] == "after"


def test_what_was_tampered_with_below_a_cut_line_is_found_as_well(trail):
    trail.write_bytes(trail.read_bytes()[:-20])
    for _ in range(3):
        append(trail, "MK", "case", state="flagged")
    lines = trail.read_text().splitlines(keepends=True)
    lines[6] = lines[6].replace("flagged", "completed")
    trail.write_text("".join(lines))
    assert check(trail).startswith("Line 5 is no entry")
    assert "broken at line 8" in check(trail)


def test_a_trail_of_somebody_elses_making_is_named_and_shown_as_far_as_it_goes(trail):
    made = ["[" * 100_000, '{"time": 1, "reader": [], "what": {}, "facts": 0}', "7", "\ufffd", "null"]
    trail.write_text(trail.read_text() + "\n".join(made) + "\n")
    assert check(trail).count("is no entry") == 3
    assert check(trail).endswith("There are 2 faults more.")
    assert len(entries(trail)) == 5


def _write_many(path, reader):
    for n in range(40):
        append(path, reader, "case", n=n)


def test_two_windows_that_write_at_once_keep_one_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    windows = [get_context("spawn").Process(target=_write_many, args=(path, str(n))) for n in range(2)]
    for window in windows:
        window.start()
    for window in windows:
        window.join()
    assert check(path) == ""
    assert len(entries(path)) == 80


def test_a_full_disk_leaves_no_half_line(trail, monkeypatch):
    before = trail.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        append(trail, "MK", "case")
    assert trail.read_bytes() == before


def test_names_of_files_that_are_no_text_are_kept(tmp_path):
    path = tmp_path / "audit.jsonl"
    append(path, "MK", "case", case=os.fsdecode(b"M\xfcller"))
    assert check(path) == ""
    assert os.fsencode(entries(path)[0].facts["case"]) == b"M\xfcller"


def test_no_trail_is_whole_and_empty(tmp_path):
    assert check(tmp_path / "none") == ""
    assert entries(tmp_path / "none") == []


@given(st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_any_text_keeps_the_chain(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("trail") / "audit.jsonl"
    for text in texts:
        append(path, text, "segment", segment=text)
    assert check(path) == ""
    assert [one.reader for one in entries(path)] == texts


def test_a_long_line_is_followed_all_the_same(tmp_path):
    path = tmp_path / "audit.jsonl"
    for n in range(3):
        append(path, "MK", "segment", segment="x" * 10_000, n=n)
    assert check(path) == ""
