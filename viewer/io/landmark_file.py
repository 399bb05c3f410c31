"""Pairs of landmarks in files: 3D Slicer's lists (.fcsv, .mrk.json), tables (.csv) and .json, in LPS mm.

Slicer's lists hold the points of one image, so a pair of files holds the pairs: NAME.fixed.fcsv and NAME.moving.fcsv;
points of the same name, or else of the same place in the list, are one pair.
Columns of a table: name, then x, y, z of the fixed and of the moving point.
"""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from viewer.data.landmarks import Landmarks
from viewer.data.regular_file import check_regular
from viewer.io.failure import OpenError

LISTS = (".fcsv", ".mrk.json")
ENDINGS = (*LISTS, ".csv", ".json")
MOST_BYTES = 16 << 20
MOST_POINTS = 100_000
HEAD = ("name", "fixed_x", "fixed_y", "fixed_z", "moving_x", "moving_y", "moving_z")

Points = list[tuple[str, tuple[float, float, float]]]


def read_landmarks(path: str | Path) -> Landmarks:
    """The pairs in a file; of a list, with its partner beside it. Raises OpenError, one sentence."""
    place, ending = Path(path), ending_of(path)
    if ending in LISTS:
        here, there = (_list_of(one, ending) for one in _partners(place, ending))
        return _paired(here, there)
    text = _text(place)
    rows = _rows_of_table(text) if ending == ".csv" else _rows_of_json(text)
    return Landmarks(
        np.array([row[1:4] for row in rows], dtype=np.float64).reshape(-1, 3),
        np.array([row[4:7] for row in rows], dtype=np.float64).reshape(-1, 3),
        tuple(str(row[0]) for row in rows),
    )


def write_landmarks(landmarks: Landmarks, path: str | Path) -> tuple[Path, ...]:
    """Write the pairs; the files that hold them. Raises OSError, and ValueError for another ending than ENDINGS."""
    place, ending = Path(path), ending_of(path)
    names = landmarks.names or tuple(f"L{n + 1}" for n in range(len(landmarks.fixed)))
    if ending in LISTS:
        ends = _partners(place, ending)
        for end, points in zip(ends, (landmarks.fixed, landmarks.moving), strict=True):
            named = [(name, (x, y, z)) for name, (x, y, z) in zip(names, points.tolist(), strict=True)]
            end.write_text(_fcsv(named) if ending == ".fcsv" else _markups(named), encoding="utf-8")
        return ends
    rows = [
        [name, *a, *b] for name, a, b in zip(names, landmarks.fixed.tolist(), landmarks.moving.tolist(), strict=True)
    ]
    if ending == ".csv":
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([HEAD, *rows])
        place.write_text(table.getvalue(), encoding="utf-8")
    elif ending == ".json":
        pairs = [{"name": row[0], "fixed": row[1:4], "moving": row[4:7]} for row in rows]
        place.write_text(json.dumps({"space": "LPS", "unit": "mm", "pairs": pairs}, indent=1), encoding="utf-8")
    else:
        raise ValueError(f"a name for landmarks ends in {', '.join(ENDINGS)}: add one.")
    return (place,)


def ending_of(path: str | Path) -> str:
    """The ending by which the form is known; "" where there is none."""
    name = Path(path).name.lower()
    return next((one for one in ENDINGS if name.endswith(one)), "")


def _partners(path: Path, ending: str) -> tuple[Path, Path]:
    """NAME.fixed.ENDING and NAME.moving.ENDING, whichever of the two, or NAME.ENDING, is given."""
    stem = path.name[: -len(ending)]
    stem = stem.removesuffix(".fixed").removesuffix(".moving")
    return path.with_name(f"{stem}.fixed{ending}"), path.with_name(f"{stem}.moving{ending}")


def _paired(here: Points, there: Points) -> Landmarks:
    names, others = [name for name, _ in here], dict(there)
    by_name = len(set(names)) == len(names) and set(names) == set(others) and len(others) == len(there)
    if not by_name and len(here) != len(there):
        raise OpenError(f"It has {len(here)} fixed and {len(there)} moving points: every one needs a partner.")
    second = [others[name] for name in names] if by_name else [point for _, point in there]
    fixed = np.array([point for _, point in here], dtype=np.float64).reshape(-1, 3)
    return Landmarks(fixed, np.array(second, dtype=np.float64).reshape(-1, 3), tuple(names))


def _text(path: Path) -> str:
    if not path.exists():
        raise OpenError(f"{path.name} is not there: points of the other image are expected beside it.")
    check_regular(path)
    if path.stat().st_size > MOST_BYTES:
        raise OpenError("It is larger than any list of landmarks: check what it is.")
    return path.read_text(encoding="utf-8", errors="replace")


def _list_of(path: Path, ending: str) -> Points:
    return _points_of_fcsv(_text(path)) if ending == ".fcsv" else _points_of_markups(_text(path))


def _points_of_fcsv(text: str) -> Points:
    """Slicer's CSV: columns id, x, y, z, …, label in place 11; RAS unless its header says LPS (1 in old files)."""
    head = [line for line in text.splitlines() if line.startswith("#")]
    system = next(
        (line.split("=")[1].strip().upper() for line in head if "CoordinateSystem" in line and "=" in line), "RAS"
    )
    rows = _rows([line for line in text.splitlines() if line and not line.startswith("#")])
    flip = _flip({"0": "RAS", "1": "LPS"}.get(system, system))
    try:
        return [(row[11] if len(row) > 11 else row[0], _point(row[1:4], flip)) for row in rows]
    except IndexError as error:
        raise OpenError("A line of it has no three coordinates: it is no list of points.") from error


def _points_of_markups(text: str) -> Points:
    """The first list of points of Slicer's markups (schema 1.0)."""
    document = _json(text)
    try:
        markup = document["markups"][0]
        flip = _flip(str(markup.get("coordinateSystem", "LPS")).upper())
        points = markup["controlPoints"]
        return [(str(one.get("label", "")), _point(one["position"], flip)) for one in points[:MOST_POINTS]]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise OpenError("It holds no list of points as 3D Slicer writes them.") from error


def _rows(lines: list[str]) -> list[list[str]]:
    try:
        return list(csv.reader(lines))
    except csv.Error as error:
        raise OpenError("It is no table: a cell of it is larger than any name or number.") from error


def _rows_of_table(text: str) -> list[list[Any]]:
    rows = [row for row in _rows(text.splitlines()) if row]
    if rows and not _is_number(rows[0][-1]):
        rows = rows[1:]
    if any(len(row) != 7 for row in rows):
        raise OpenError("Every line has seven columns: name, x, y, z of the fixed and x, y, z of the moving point.")
    return [[row[0], *_point(row[1:4]), *_point(row[4:7])] for row in rows]


def _rows_of_json(text: str) -> list[list[Any]]:
    document = _json(text)
    try:
        flip = _flip(str(document.get("space", "LPS")).upper())
        pairs = document["pairs"]
        return [[str(one.get("name", "")), *_point(one["fixed"], flip), *_point(one["moving"], flip)] for one in pairs]
    except (KeyError, TypeError, AttributeError) as error:
        raise OpenError('It holds no "pairs" of a fixed and a moving point each.') from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OpenError("It is no JSON: it is damaged or cut off.") from error


def _flip(system: str) -> tuple[float, float, float]:
    if system not in ("LPS", "RAS"):
        raise OpenError(f"Its coordinates are in {system[:20]}; only LPS and RAS are read.")
    return (1.0, 1.0, 1.0) if system == "LPS" else (-1.0, -1.0, 1.0)


def _point(texts: Any, flip: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> tuple[float, float, float]:
    try:
        x, y, z = (float(text) * sign for text, sign in zip(texts, flip, strict=True))
    except (ValueError, TypeError) as error:
        raise OpenError("A point of it is not three numbers.") from error
    if not all(map(math.isfinite, (x, y, z))):
        raise OpenError("A point of it is not three numbers.")
    return x, y, z


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _fcsv(points: Points) -> str:
    table = io.StringIO()
    columns = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
    table.write(f"# Markups fiducial file version = 5.0\n# CoordinateSystem = LPS\n# columns = {columns}\n")
    lines = csv.writer(table, lineterminator="\n")
    lines.writerows([n, *point, 0, 0, 0, 1, 1, 1, 0, name, "", ""] for n, (name, point) in enumerate(points, 1))
    return table.getvalue()


def _markups(points: Points) -> str:
    schema = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    listed = [{"id": str(n), "label": name, "position": list(point)} for n, (name, point) in enumerate(points, 1)]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": listed}
    return json.dumps({"@schema": f"{schema}markups-schema-v1.0.3.json#", "markups": [markup]}, indent=1)
