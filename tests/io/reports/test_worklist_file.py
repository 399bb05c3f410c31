"""Task lists from folders and tables: what is paired, what is refused, and what is found again the next day."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.io.errors import OpenError, SaveError
from viewer.io.reports.worklist_file import file_name, open_worklist, save_worklist


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, files in {
        "one": ["ct.nii.gz", "ct_seg.nii.gz", "notes.txt"],
        "two": ["t1.nrrd", "labels/t1.nrrd"],
        "three": ["IM0001", "IM0002"],
        ".hidden": ["a.nii"],
        "empty": [],
    }.items():
        for file in files:
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def table(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "cases.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_sub_folder_is_a_case_and_its_files_are_paired_by_name(folder):
    found = {case.id: (case.image, case.segmentation) for case in open_worklist(folder).cases}
    assert found == {
        "one": ("one/ct.nii.gz", "one/ct_seg.nii.gz"),
        "two": ("two/t1.nrrd", "two/labels/t1.nrrd"),
        "three": ("three", ""),
    }


@pytest.mark.parametrize("second", ["b.nii.gz", "liver_mask.nii.gz"])
def test_a_folder_that_could_mean_two_things_is_refused(folder, second):
    (folder / "one" / second).touch()
    with pytest.raises(OpenError, match="one has more than one that it could be"):
        open_worklist(folder)


def test_letters_that_only_happen_to_spell_seg_are_no_segmentation(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "segovia.nii").touch()
    assert open_worklist(tmp_path).cases[0].image == "a/segovia.nii"


@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_a_table_names_its_columns_in_any_order(tmp_path, comma):
    lines = (("Image", "case", "reader", "Segmentation"), ("a/ct.nii", "A 1", "x", "a/seg.nii"), ("b.nii", "B", "", ""))
    path = table(tmp_path, "\ufeff" + "\r\n".join(comma.join(line) for line in lines))
    found = [(case.id, case.image, case.segmentation, case.reader) for case in open_worklist(path).cases]
    assert found == [("A 1", "a/ct.nii", "a/seg.nii", ""), ("B", "b.nii", "", "")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,file\na,b", "no columns"),
        ("", "no columns"),
        ("case,image\n", "has no cases"),
        ("case,image\na,../b.nii", "line 2: a path leads out"),
        ("case,image\na,/etc/passwd", "line 2: a path leads out"),
        ("case,image,segmentation\na,b.nii,../../c", "line 2: a path leads out"),
        ("case,image\na,", "line 2: a case needs a name and an image"),
        ("case,image\na,b.nii\na,c.nii", "Two cases are called a"),
        ("case,image\na b,b.nii\na-b,c.nii", "Two cases are called a-b, or nearly so"),
        ('case,image\na,"b.nii', "is not a table"),
        ("case,image\na," + "x" * 200_000, "is not a table"),
        ("case,image\nMüller,b.nii".encode("latin-1"), "is not UTF-8"),
        ("case,image\na,b.nii".encode("utf-16"), "is not UTF-8"),
        (b"case,image\na\0,b.nii", "is not text"),
        ("case,image\n" + "".join(f"{n},b\n" for n in range(20_001)), "more than 20000"),
    ],
)
def test_a_hostile_table_is_refused_in_a_sentence(tmp_path, text, why):
    with pytest.raises(OpenError, match=why):
        open_worklist(table(tmp_path, text))


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "cases.csv"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OpenError, match="larger than 16 MB"):
        open_worklist(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_be_read_or_refused(tmp_path_factory, data):
    path = table(tmp_path_factory.mktemp("t"), b"case,image\n" + data)
    with suppress(OpenError):
        cases = open_worklist(path).cases
        assert all((path.parent / case.image).resolve().is_relative_to(path.parent.resolve()) for case in cases)


def test_what_became_of_the_cases_is_there_the_next_day(folder):
    tasks = open_worklist(folder)
    tasks.change("one", state="flagged", reader="MK", remark="motion; =1+1", seconds=61.5, saved="one.seg.nrrd")
    tasks.blinded = True
    save_worklist(tasks)
    again = open_worklist(folder)
    assert (again.cases, again.order, again.blinded) == (tasks.cases, tasks.order, True)


def test_a_case_that_is_no_longer_listed_is_kept(tmp_path):
    path = table(tmp_path, "case,image\na,a.nii\nb,b.nii")
    tasks = open_worklist(path)
    tasks.change("a", state="completed")
    save_worklist(tasks)
    table(tmp_path, "case,image\nb,b.nii")
    save_worklist(open_worklist(path))
    table(tmp_path, "case,image\na,a.nii\nb,b.nii")
    assert open_worklist(path).case("a").state == "completed"


def test_a_name_that_now_stands_for_another_image_is_refused(tmp_path):
    path = table(tmp_path, "case,image\na,a.nii")
    save_worklist(open_worklist(path))
    table(tmp_path, "case,image\na,other.nii")
    with pytest.raises(OpenError, match="a had other files when it was read"):
        open_worklist(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: "{",
        lambda told: "[]",
        lambda told: "[" * 100_000,
        lambda told: json.dumps(told | {"version": 2}),
        lambda told: json.dumps(told | {"cases": [{"id": "a"}]}),
        lambda told: json.dumps(told | {"cases": [told["cases"][0] | {"state": "won"}]}),
        lambda told: json.dumps(told | {"cases": [told["cases"][0] | {"saved": "../../x"}]}),
        lambda told: json.dumps(told | {"cases": [told["cases"][0] | {"seconds": "x"}]}),
        lambda told: json.dumps(told | {"cases": [told["cases"][0] | {"seconds": float("nan")}]}),
        lambda told: json.dumps(told | {"cases": [told["cases"][0] | {"seconds": 1e999}]}),
    ],
)
def test_a_damaged_list_is_refused_and_stays_as_it_is(tmp_path, damage):
    path = table(tmp_path, "case,image\na,a.nii")
    tasks = open_worklist(path)
    save_worklist(tasks)
    kept = tasks.output / "tasks.json"
    text = damage(json.loads(kept.read_text()))
    kept.write_text(text)
    with pytest.raises(OpenError, match="is damaged"):
        open_worklist(path)
    assert kept.read_text() == text


def test_what_somebody_else_decided_meanwhile_is_not_written_over(tmp_path):
    path = table(tmp_path, "case,image\na,a.nii\nb,b.nii")
    one, two = open_worklist(path), open_worklist(path)
    one.change("a", state="completed")
    save_worklist(one)
    two.change("b", state="flagged")
    with pytest.raises(SaveError, match="Somebody else works on this task list"):
        save_worklist(two)
    one.change("b", state="rejected")
    save_worklist(one)
    assert [case.state for case in open_worklist(path).cases] == ["completed", "rejected"]


def test_no_case_is_saved_over_the_segments_of_another_one(tmp_path):
    """Where a list grows, its blinded order is another one, and "Case 1" another case."""
    path = table(tmp_path, "case,image\n" + "".join(f"c{n},c{n}.nii\n" for n in range(8)))
    tasks = open_worklist(path)
    tasks.blinded = True
    for case_id in tasks.order:
        tasks.change(case_id, saved=file_name(tasks, case_id))
    save_worklist(tasks)
    table(tmp_path, "case,image\n" + "".join(f"c{n},c{n}.nii\n" for n in range(12)))
    again = open_worklist(path)
    for case_id in again.order:
        again.change(case_id, saved=file_name(again, case_id))
    assert [case.saved for case in again.cases[:8]] == [case.saved for case in tasks.cases]
    assert len({case.saved for case in again.cases}) == 12


def test_where_the_list_was_moved_away_the_segments_of_then_stay(tmp_path):
    tasks = open_worklist(table(tmp_path, "case,image\na,a.nii"))
    tasks.output.mkdir()
    (tasks.output / "a.seg.nrrd").touch()
    assert file_name(tasks, "a") == "a-2.seg.nrrd"


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names of files are text there")
def test_a_folder_whose_name_is_no_text_is_a_case_all_the_same(tmp_path):
    name = os.fsdecode(b"M\xfcller")
    (tmp_path / name).mkdir()
    (tmp_path / name / "ct.nii").touch()
    tasks = open_worklist(tmp_path)
    save_worklist(tasks)
    assert open_worklist(tmp_path).cases == tasks.cases
    assert file_name(tasks, name) == "M-ller.seg.nrrd"


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    tasks = open_worklist(table(tmp_path, "case,image\na,a.nii"))
    tasks.output.write_text("in the way")
    with pytest.raises(SaveError, match="The task list was not saved"):
        save_worklist(tasks)


def test_the_file_of_a_blinded_case_does_not_tell_which_it_is(tmp_path):
    tasks = open_worklist(table(tmp_path, "case,image\nDoe/J: 1,a.nii"))
    assert file_name(tasks, "Doe/J: 1") == "Doe-J-1.seg.nrrd"
    tasks.blinded = True
    assert "Doe" not in file_name(tasks, "Doe/J: 1")
