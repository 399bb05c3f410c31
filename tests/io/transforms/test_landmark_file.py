"""Landmarks in files: every form comes back, Slicer's RAS becomes LPS, and what is none is refused in one sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.annotations.landmarks import Landmarks
from viewer.io.errors import OpenError
from viewer.io.transforms.landmark_file import ENDINGS, read_landmarks, write_landmarks

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


def lists(folder: Path, fixed: str, moving: str, ending: str = ".mrk.json") -> Path:
    (folder / f"a.fixed{ending}").write_text(fixed)
    (folder / f"a.moving{ending}").write_text(moving)
    return folder / f"a{ending}"


def markup(*points: dict[str, object], **more: object) -> str:
    return json.dumps({"markups": [{"controlPoints": list(points), **more}]})


def point(label: str, x: float, **more: object) -> dict[str, object]:
    return {"label": label, "position": [x, 1, 2], **more}


@pytest.mark.parametrize(
    "unplaced",
    [
        {"position": [0, 0, 0], "positionStatus": "undefined"},
        {"position": [0, 0, 0], "positionStatus": "preview"},
        {"position": [0, 0, 0], "positionStatus": "missing"},
        {"position": []},
        {"position": None},
        {},
    ],
)
@pytest.mark.parametrize("names", [("P", "Q", "R"), ("a", "b", "c")])  # paired by name, and by place
def test_a_point_that_is_not_placed_has_no_partner(
    tmp_path: Path, unplaced: dict[str, object], names: tuple[str, ...]
) -> None:
    fixed = markup(*(point(name, n) for n, name in enumerate("PQR")))
    moving = markup(point(names[0], 10), {"label": names[1], **unplaced}, point(names[2], 12))
    found = read_landmarks(lists(tmp_path, fixed, moving))
    assert found.names == ("P", "R")
    assert found.moving[:, 0].tolist() == [10, 12]
    assert found.warnings == ("Left out, as not placed in both images: 1 of 3 points (Q).",)


def test_points_of_one_list_alone_are_said(tmp_path: Path) -> None:
    found = read_landmarks(lists(tmp_path, markup(point("P", 1), point("Q", 2)), markup(point("Q", 3), point("S", 4))))
    assert (found.names, found.fixed[:, 0].tolist(), found.moving[:, 0].tolist()) == (("Q",), [2], [3])
    assert found.warnings == ("Left out, as not placed in both images: 2 of 3 points (P, S).",)


@pytest.mark.parametrize(
    ("more", "factor"),
    [
        ({"coordinateUnits": "m"}, 1000),
        ({"coordinateUnits": "um"}, 0.001),
        ({"coordinateUnits": ["cm", "UCUM", "centimeter"]}, 10),
        ({"coordinateUnits": "mm", "coordinateSystem": "RAS"}, -1),
        ({"coordinateSystem": 0}, -1),
        ({"coordinateSystem": "1"}, 1),
        ({}, 1),
    ],
)
def test_units_and_systems_of_markups(tmp_path: Path, more: dict[str, object], factor: float) -> None:
    found = read_landmarks(lists(tmp_path, markup(point("P", 7), **more), markup(point("P", 7))))
    assert found.fixed.tolist() == pytest.approx(np.array([[7 * factor, factor, 2 * abs(factor)]]))
    assert found.moving.tolist() == [[7, 1, 2]]


@pytest.mark.parametrize("more", [{"coordinateUnits": "furlong"}, {"coordinateSystem": 2}])
def test_units_and_systems_that_are_not_known_are_refused(tmp_path: Path, more: dict[str, object]) -> None:
    with pytest.raises(OpenError, match="coordinates are in"):
        read_landmarks(lists(tmp_path, markup(point("P", 7), **more), markup(point("P", 7))))


def test_a_second_list_is_said(tmp_path: Path) -> None:
    two = json.dumps({"markups": 2 * json.loads(markup(point("P", 1)))["markups"]})
    found = read_landmarks(lists(tmp_path, two, markup(point("P", 1))))
    assert found.warnings == ("Only the first of its 2 lists of points is read.",)


FCSV = {
    "Slicer 3": "# Fiducial List file a\n# version = 2\n# columns = label,x,y,z,sel,vis\nP,1,2,3,1,1\n",
    "no header": "P,1,2,3,1,1\n",
    "Slicer 4.3": "# Markups fiducial file version = 4.3\n# CoordinateSystem = 0\n"
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\nn_0,1,2,3,0,0,0,1,1,1,0,P,,\n",
    "Slicer 5": "# Markups fiducial file version = 5.2\n# CoordinateSystem = LPS\n"
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n1,-1,-2,3,0,0,0,1,1,1,0,P,,,2,0\n"
    "2,0,0,0,0,0,0,1,1,1,0,Q,,,0,0\n",
    "another order": "# CoordinateSystem = RAS\n# columns = label,z,y,x\r\n\r\nP,3,2,1\r\n",
}


@pytest.mark.parametrize("form", FCSV)
def test_lists_of_every_slicer(tmp_path: Path, form: str) -> None:
    found = read_landmarks(lists(tmp_path, FCSV[form], FCSV["Slicer 4.3"], ".fcsv"))
    assert (found.names, found.fixed.tolist()) == (("P",), [[-1, -2, 3]])
    assert found.moving.tolist() == found.fixed.tolist()


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
    (tmp_path / "a.moving.fcsv").write_text("9,1,2,3\n")
    with pytest.raises(OpenError, match="partner"):
        read_landmarks(tmp_path / "a.fixed.fcsv")


@given(st.text(max_size=200), st.sampled_from([".csv", ".json"]))
def test_any_text_is_pairs_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str, ending: str) -> None:
    path = tmp_path_factory.mktemp("any") / f"any{ending}"
    path.write_text(text, encoding="utf-8")
    with suppress(OpenError):
        assert np.isfinite(read_landmarks(path).fixed).all()
