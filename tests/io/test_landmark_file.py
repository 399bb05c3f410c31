"""Landmarks in files: every form comes back, Slicer's RAS becomes LPS, and what is none is refused in one sentence."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.landmarks import Landmarks
from viewer.io.failure import OpenError
from viewer.io.landmark_file import ENDINGS, read_landmarks, write_landmarks

PAIRS = Landmarks(
    np.array([[1.25, -2, 3], [4, 5, -6.125]]), np.array([[7.5, 8, 9], [-1, 0, 1e-3]]), ("AC", "pons, left")
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_form_comes_back(tmp_path: Path, ending: str) -> None:
    written = write_landmarks(PAIRS, tmp_path / f"pairs{ending}")
    for path in written:  # of two lists, either names both
        found = read_landmarks(path)
        assert np.array_equal(found.fixed, PAIRS.fixed)
        assert np.array_equal(found.moving, PAIRS.moving)
        assert found.names == PAIRS.names


def test_slicers_lists_are_turned_from_ras_and_paired_by_name(tmp_path: Path) -> None:
    head = "# Markups fiducial file version = 4.11\n# CoordinateSystem = {}\n# columns = id,x,y,z,…\n"
    (tmp_path / "a.fixed.fcsv").write_text(
        head.format("RAS") + "1,1,2,3,0,0,0,1,1,1,0,P,,\n2,4,5,6,0,0,0,1,1,1,0,Q,,\n"
    )
    (tmp_path / "a.moving.fcsv").write_text(head.format(1) + "1,7,8,9,0,0,0,1,1,1,0,Q,,\n2,1,1,1,0,0,0,1,1,1,0,P,,\n")
    found = read_landmarks(tmp_path / "a.moving.fcsv")
    assert found.names == ("P", "Q")
    assert found.fixed.tolist() == [[-1, -2, 3], [-4, -5, 6]]
    assert found.moving.tolist() == [[1, 1, 1], [7, 8, 9]]


def test_markups_say_their_own_system(tmp_path: Path) -> None:
    for end, system in (("fixed", "RAS"), ("moving", "LPS")):
        text = '{"markups": [{"coordinateSystem": "%s", "controlPoints": [{"label": "A", "position": [1, 2, 3]}]}]}'
        (tmp_path / f"a.{end}.mrk.json").write_text(text % system)
    found = read_landmarks(tmp_path / "a.mrk.json")
    assert (found.fixed.tolist(), found.moving.tolist()) == ([[-1, -2, 3]], [[1, 2, 3]])


REFUSED = {
    "cut.json": '{"pairs": [{"fixed": [1, 2',
    "none.json": '{"points": []}',
    "list.json": "[1, 2, 3]",
    "deep.json": "[" * 100_000,
    "short.csv": "A,1,2,3\n",
    "words.csv": "A,1,2,3,4,5,six\nB,1,2,3,4,5,6\nC,a,b,c,d,e,f\n",
    "nan.csv": "A,1,2,3,4,5,nan\nB,1,2,3,4,nan,6\n",
    "alone.fcsv": "1,1,2,3\n",
    "cell.csv": "A," + "9" * 200_000,
    "space.json": '{"space": "MNI", "pairs": []}',
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_list_of_pairs_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(REFUSED[name])
    with pytest.raises(OpenError) as refused:
        read_landmarks(tmp_path / name)
    assert str(refused.value).endswith(".")


def test_lists_of_other_lengths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fixed.fcsv").write_text("1,1,2,3\n2,4,5,6\n")
    (tmp_path / "a.moving.fcsv").write_text("1,1,2,3\n")
    with pytest.raises(OpenError, match="partner"):
        read_landmarks(tmp_path / "a.fixed.fcsv")


@given(st.text(max_size=200), st.sampled_from([".csv", ".json"]))
def test_any_text_is_pairs_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str, ending: str) -> None:
    path = tmp_path_factory.mktemp("any") / f"any{ending}"
    path.write_text(text, encoding="utf-8")
    with suppress(OpenError):
        assert np.isfinite(read_landmarks(path).fixed).all()
