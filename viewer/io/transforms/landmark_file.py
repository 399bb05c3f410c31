"""Pairs of landmarks in files: 3D Slicer's lists (.fcsv, .mrk.json), tables (.csv) and .json, in LPS mm.

Slicer's lists hold the points of one image, so a pair of files holds the pairs: NAME.fixed.fcsv and NAME.moving.fcsv;
points of the same name, or else of the same place in the list, are one pair. A point that is not placed has none.
Columns of a table: name, then x, y, z of the fixed and of the moving point.
"""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.annotations.landmarks import Landmarks
from viewer.io.archive import read_small
from viewer.io.errors import OpenError

if TYPE_CHECKING:
    from viewer.data.arrays import Json

LISTS = (".fcsv", ".mrk.json")
ENDINGS = (*LISTS, ".csv", ".json")
MOST_BYTES = 16 << 20
MOST_POINTS = 100_000
LONGER = "It is larger than any list of landmarks: check what it is."
HEAD = ("name", "fixed_x", "fixed_y", "fixed_z", "moving_x", "moving_y", "moving_z")

UNITS = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "meter": 1000.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3}
SYSTEMS = {"0": "RAS", "1": "LPS", "2": "IJK"}  # as old files number them
MARKUPS = ("id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label", "desc", "associatedNodeID")
FIDUCIALS = ("label", "x", "y", "z", "sel", "vis")  # of Slicer 3, and of others who write it
STATUS = 14  # the column behind those of MARKUPS that newer files have
DEFINED = "2"  # as a number
MOST_NAMED = 5

Position = tuple[float, float, float]
NamedPoints = list[tuple[str, Position | None]]  # None: not placed


def read_landmarks(path: str | Path) -> Landmarks:
    """The pairs in a file; of a list, with its partner beside it. Raises OpenError, one sentence."""
    place, ending = Path(path), ending_of(path)
    if ending in LISTS:
        (here, first), (there, second) = (_read_list(one, ending) for one in _partners(place, ending))
        return _pair_up(here, there, tuple(dict.fromkeys((*first, *second))))
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


def _pair_up(here: NamedPoints, there: NamedPoints, warnings: tuple[str, ...]) -> Landmarks:
    """Pairs by name where names are unique and some are in both lists, else by their place in the lists."""
    fixed, moving = dict(here), dict(there)
    if len(fixed) == len(here) and len(moving) == len(there) and set(fixed) & set(moving):
        pairs = [(name, point, moving.get(name)) for name, point in here]
        pairs += [(name, None, point) for name, point in there if name not in fixed]
    elif len(here) == len(there):
        pairs = [(name, one, other) for (name, one), (_, other) in zip(here, there, strict=True)]
    else:
        raise OpenError(f"It has {len(here)} fixed and {len(there)} moving points: every one needs a partner.")
    whole = [(name, one, other) for name, one, other in pairs if one and other]
    if alone := [name for name, one, other in pairs if not (one and other)]:
        names = ", ".join(alone[:MOST_NAMED]) + (" and others" if len(alone) > MOST_NAMED else "")
        warnings += (f"Left out, as not placed in both images: {len(alone)} of {len(pairs)} points ({names}).",)
    return Landmarks(
        np.array([one for _, one, _ in whole], dtype=np.float64).reshape(-1, 3),
        np.array([other for _, _, other in whole], dtype=np.float64).reshape(-1, 3),
        tuple(name for name, _, _ in whole),
        warnings,
    )


def _text(path: Path) -> str:
    if not path.exists():
        raise OpenError(f"{path.name} is not there: points of the other image are expected beside it.")
    return read_small(str(path), MOST_BYTES, LONGER).decode("utf-8", "replace")


def _read_list(path: Path, ending: str) -> tuple[NamedPoints, tuple[str, ...]]:
    """The points of one image, and what must be said."""
    if ending == ".fcsv":
        return _points_of_fcsv(_text(path)), ()
    lists = _lists_of_markups(_text(path))
    said = (f"Only the first of its {len(lists)} lists of points is read.",) if len(lists) > 1 else ()
    return _points_of_markup(lists[0]), said


def _points_of_fcsv(text: str) -> NamedPoints:
    """The points of Slicer's CSV, which tells its columns; RAS unless its header says LPS (1 in old files)."""
    told = [line.lstrip("# ").partition("=") for line in text.splitlines() if line.startswith("#")]
    head = {key.strip().lower(): value.strip() for key, _, value in told}
    system = head.get("coordinatesystem", "RAS").upper()
    scale = _scale_to_lps(SYSTEMS.get(system, system))
    rows = _rows([line for line in text.splitlines() if line.strip() and not line.startswith("#")])
    columns = tuple(name.strip().lower() for name in head.get("columns", "").split(","))
    if not {"label", "x", "y", "z"} <= set(columns):
        columns = FIDUCIALS if rows and len(rows[0]) <= len(FIDUCIALS) else MARKUPS
    label, *axes = (columns.index(name) for name in ("label", "x", "y", "z"))
    try:
        points = [_point_of_row([row[n] for n in axes], row, scale) for row in rows]
    except IndexError as error:
        raise OpenError("A line of it has no three coordinates: it is no list of points.") from error
    return [(row[label if label < len(row) else 0], point) for row, point in zip(rows, points, strict=True)]


def _point_of_row(texts: list[str], row: list[str], scale: Position) -> Position | None:
    """The point of a row; None where it has no coordinates or a status other than that of a placed point."""
    empty = not any(text.strip() for text in texts)
    return None if empty or (len(row) > STATUS and row[STATUS].strip() not in ("", DEFINED)) else _point(texts, scale)


def _lists_of_markups(text: str) -> list[Any]:
    document = _json(text)
    lists = document.get("markups") if isinstance(document, dict) else None
    if not isinstance(lists, list) or not lists:
        raise OpenError("It holds no list of points as 3D Slicer writes them.")
    return lists


def _points_of_markup(markup: Any) -> NamedPoints:
    """The points of Slicer's markups (schema 1.0)."""
    try:
        system, points = str(markup.get("coordinateSystem", "LPS")).upper(), markup["controlPoints"]
        scale = _scale_to_lps(SYSTEMS.get(system, system), _mm_of(markup.get("coordinateUnits")))
        if len(points) > MOST_POINTS:
            raise OpenError(f"It has {len(points)} points, more than {MOST_POINTS}: check what it is.")
        return [(str(one.get("label", "")), _position(one, scale)) for one in points]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise OpenError("It holds no list of points as 3D Slicer writes them.") from error


def _position(one: Json, scale: Position) -> Position | None:
    placed = one.get("positionStatus", "defined") == "defined" and one.get("position")
    return _point(one["position"], scale) if placed else None


def _mm_of(unit: Any) -> float:
    """Millimetres in a unit: a word, or a code in front of its scheme."""
    word = str(unit[0] if isinstance(unit, list) and unit else unit or "mm")
    if word not in UNITS:
        raise OpenError(f"Its coordinates are in “{word[:20]}”, which is no unit of length that is known: use mm.")
    return UNITS[word]


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
        scale = _scale_to_lps(str(document.get("space", "LPS")).upper())
        pairs = document["pairs"]
        return [
            [str(one.get("name", "")), *_point(one["fixed"], scale), *_point(one["moving"], scale)] for one in pairs
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise OpenError('It holds no "pairs" of a fixed and a moving point each.') from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OpenError("It is no JSON: it is damaged or cut off.") from error


def _scale_to_lps(system: str, scale: float = 1.0) -> Position:
    """What coordinates are multiplied by to be LPS mm."""
    if system not in ("LPS", "RAS"):
        raise OpenError(f"Its coordinates are in {system[:20]}; only LPS and RAS are read.")
    return (scale, scale, scale) if system == "LPS" else (-scale, -scale, scale)


def _point(texts: Any, scale: Position = (1.0, 1.0, 1.0)) -> Position:
    try:
        x, y, z = (float(text) * sign for text, sign in zip(texts, scale, strict=True))
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


def _fcsv(points: list[tuple[str, Position]]) -> str:
    table = io.StringIO()
    head = "# Markups fiducial file version = 5.0\n# CoordinateSystem = LPS\n"
    table.write(f"{head}# columns = {','.join(MARKUPS)}\n")
    lines = csv.writer(table, lineterminator="\n")
    lines.writerows([n, *point, 0, 0, 0, 1, 1, 1, 0, name, "", ""] for n, (name, point) in enumerate(points, 1))
    return table.getvalue()


def _markups(points: list[tuple[str, Position]]) -> str:
    schema = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    listed = [{"id": str(n), "label": name, "position": list(point)} for n, (name, point) in enumerate(points, 1)]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": listed}
    return json.dumps({"@schema": f"{schema}markups-schema-v1.0.3.json#", "markups": [markup]}, indent=1)
