"""Task lists from a folder or a table (CSV), and what became of their cases, kept beside them as JSON.

A folder: every sub-folder is a case, named by it. Its segmentation is the file, or the sub-folder, whose name has
"seg", "mask" or "label" in it, apart from other letters ("liver_seg.nii.gz", "labels"); a second such file is refused.
Its image is the only other file of a volume; without one the sub-folder itself, as a DICOM series.

A table: UTF-8, a line a case, its first line names the columns: `case` (a name of its own), `image`, and, where there
is one, `segmentation`; others are left alone. Commas, semicolons or tabs part them. Paths are seen from the table's
folder, and lie within it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import secrets
from dataclasses import asdict, fields
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from viewer.data.segmentation import State
from viewer.files import atomic_write
from viewer.io.archive import read_small
from viewer.io.errors import OpenError, SaveError
from viewer.scene.worklist import Case, Worklist

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.data.arrays import Json

MOST_BYTES, MOST_CASES, MOST_NAME = 16 << 20, 20_000, 80  # of a table, of its cases, of a file
MOST_DOCUMENT = 4 * MOST_BYTES  # remarks come to what a table says
STATES: tuple[str, ...] = get_args(State)
KINDS: dict[str, Any] = {
    "seconds": (int, float),
    "doubt": (int, float, type(None)),
    "dices": list,
}  # of a case; the others are texts
LATER: Json = {"given": "", "doubt": None, "dices": []}  # what an older version did not write
DOCUMENT = "tasks.json"  # in the output folder: what became of the cases
FOLDER = "tomolens-review"  # the output folder
LABELS = re.compile(r"(?<![a-z])(seg|segs|segmentations?|masks?|labels?|labelmap)(?![a-z])", re.IGNORECASE)
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


def open_worklist(path: Path) -> Worklist:
    """The cases of a folder or a table, each as it was left. Raises OpenError: one sentence."""
    path = path.absolute()
    cases = _cases_of_folder(path) if path.is_dir() else _cases_of_table(path)
    if not cases:
        raise OpenError(f"{path.name} has no cases: give a folder with a sub-folder for each, or a table of them.")
    root = path if path.is_dir() else path.parent
    output = root / (FOLDER if path.is_dir() else f"{FOLDER}-{path.stem}")
    document, stamp = _read_document(output / DOCUMENT)
    before = {case.id: case for case in map(_case, document.get("cases", []))}
    known = tuple(_resumed(case, before.pop(case.id, None)) for case in cases)
    seed, blinded = document.get("seed"), document.get("blinded") is True
    seed = seed if isinstance(seed, int) else secrets.randbits(32)
    missing = tuple(before.values())
    return Worklist(path.name, root, output, known, seed=seed, blinded=blinded, missing=missing, saved_sha256=stamp)


def save_worklist(worklist: Worklist) -> None:
    """Keep what became of its cases: written beside, read back, then renamed. Raises SaveError: one sentence.

    What somebody else has written since it was read is not written over.
    """
    data, output = _document(worklist).encode("utf-8", "surrogatepass"), worklist.output
    try:
        output.mkdir(exist_ok=True)
        atomic_write.sweep(output)
        if _stamp(output / DOCUMENT) != worklist.saved_sha256:
            raise SaveError("Somebody else works on this task list: open it again; what you did last was not kept.")
        with atomic_write.temporary_folder(output) as folder:
            made = folder / DOCUMENT
            made.write_bytes(data)
            atomic_write.flush(made)
            if made.read_bytes() != data:
                raise SaveError("The task list was not saved: the disk gave back something else, check it.")
            made.replace(output / DOCUMENT)
            worklist.saved_sha256 = _hash(data)
            atomic_write.flush(output)
    except OSError as error:
        raise SaveError(
            f"The task list was not saved: {atomic_write.failure_reason(error, output, len(data))}."
        ) from error


def file_name(worklist: Worklist, case_id: str) -> str:
    """What the file of a case's segments is called; of a blinded list it does not tell which case that is.

    Where that was saved before it is the same file, else one that nothing else is called.
    """
    if worklist.case(case_id).saved:
        return worklist.case(case_id).saved
    stem = _portable_name(f"{worklist.name(case_id)}-{worklist.seed:08x}" if worklist.blinded else case_id)
    return _free_name(worklist, stem)


def given_name(worklist: Worklist, case_id: str) -> str:
    """What the file of what was given for a case is called: as `file_name`, but apart from it."""
    known = worklist.case(case_id)
    return known.given or _free_name(worklist, f"{file_name(worklist, case_id).removesuffix('.seg.nrrd')}-given")


def _free_name(worklist: Worklist, stem: str) -> str:
    names = (f"{stem}{f'-{number}' if number > 1 else ''}.seg.nrrd" for number in count(1))
    taken = {name for case in (*worklist.cases, *worklist.missing) for name in (case.saved, case.given)}
    return next(name for name in names if name not in taken and not (worklist.output / name).exists())


# ---- a folder
def _cases_of_folder(folder: Path) -> list[Case]:
    try:
        inner = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
        cases = [_case_of_folder(one) for one in inner if not one.name.startswith(FOLDER)]
    except OSError as error:
        raise OpenError(f"{folder.name} cannot be read ({error.strerror}): check it and try again.") from error
    return _check_cases(case for case in cases if case is not None)


def _case_of_folder(folder: Path) -> Case | None:
    """The case in a sub-folder; None where nothing in it could be an image. Raises OpenError."""
    inner = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    labels = [one for one in inner if LABELS.search(one.name) and (one.is_dir() or _is_volume(one, ".dcm"))]
    files = [one for one in inner if one not in labels and one.is_file()]
    images = [one for one in files if _is_volume(one)]
    if len(labels) > 1 or len(images) > 1:
        several = labels if len(labels) > 1 else images
        names = ", ".join(one.name for one in several[:3])
        raise OpenError(f"{folder.name} has more than one that it could be ({names}): name them in a table (CSV).")
    if not images and not files and not any(one.is_dir() and one not in labels for one in inner):
        return None
    image = images[0] if images else folder
    found = [_only_file(one) if one.is_dir() else one for one in labels]
    paths = [one.relative_to(folder.parent).as_posix() for one in (image, *found)]
    return Case(folder.name, paths[0], "".join(paths[1:]))


def _only_file(folder: Path) -> Path:
    inner = [one for one in folder.iterdir() if one.is_file() and not one.name.startswith(".")]
    if len(inner) != 1:
        raise OpenError(
            f"{folder.parent.name}/{folder.name} holds {len(inner)} files, not one: name it in a table (CSV)."
        )
    return inner[0]


def _is_volume(path: Path, *more: str) -> bool:
    return path.name.lower().endswith((*VOLUMES, *more))


# ---- a table
def _cases_of_table(path: Path) -> list[Case]:
    text = _text(path)
    head, _, _ = text.partition("\n")
    delimiter = max(",;\t", key=head.count)
    try:
        lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        columns = [(name or "").strip().casefold() for name in lines.fieldnames or ()]
        if not {"case", "image"} <= set(columns):
            raise OpenError(f"{path.name} has no columns “case” and “image”: its first line must name them.")
        lines.fieldnames = columns
        root = path.parent.resolve()
        return _check_cases(_case_of_line(root, f"{path.name}, line {lines.line_num}", line) for line in lines)
    except csv.Error as error:
        raise OpenError(f"{path.name} is not a table ({error}): save it as CSV.") from error


def _text(path: Path) -> str:
    try:
        longer = f"{path.name} is larger than {MOST_BYTES >> 20} MB: a list of cases is not so long."
        text = read_small(str(path), MOST_BYTES, longer).decode("utf-8-sig")
    except OSError as error:
        raise OpenError(f"{path.name} cannot be read ({error.strerror}): check it and try again.") from error
    except UnicodeDecodeError as error:
        raise OpenError(f"{path.name} is not UTF-8: save it as “CSV UTF-8” and open it again.") from error
    if "\0" in text:
        raise OpenError(f"{path.name} is not text: save it as “CSV UTF-8” and open it again.")
    return text


def _case_of_line(root: Path, where: str, line: Json) -> Case:
    case, image, labels = ((line.get(name) or "").strip() for name in ("case", "image", "segmentation"))
    if not case or not image:
        raise OpenError(f"{where}: a case needs a name and an image.")
    for one in filter(None, (image, labels)):
        if not (root / one).resolve().is_relative_to(root):
            raise OpenError(f"{where}: a path leads out of the table's folder; move the table up.")
    return Case(case, image, labels)


def _check_cases(cases: Iterable[Case]) -> list[Case]:
    """The cases. Raises OpenError where two of them would be one, or there are too many."""
    found: dict[str, Case] = {}
    for case in cases:
        name = _portable_name(case.id).casefold()
        if name in found:
            raise OpenError(f"Two cases are called {case.id}, or nearly so: give each a name of its own.")
        found[name] = case
        if len(found) > MOST_CASES:
            raise OpenError(f"There are more than {MOST_CASES} cases: split the list.")
    return list(found.values())


def _portable_name(name: str) -> str:
    """A name as files may be called on every system."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:MOST_NAME] or "case"


# ---- what became of the cases
def _document(worklist: Worklist) -> str:
    cases = [asdict(case) for case in (*worklist.cases, *worklist.missing)]
    document = {"version": 1, "seed": worklist.seed, "blinded": worklist.blinded, "cases": cases}
    return json.dumps(document, ensure_ascii=False, indent=1)


def _read_document(path: Path) -> tuple[Json, str]:
    """What became of the cases, and the SHA-256 of the file; nothing where there is none. Raises OpenError."""
    if not path.exists():
        return {}, ""
    try:
        data = read_small(str(path), MOST_DOCUMENT)
        document = json.loads(data)
        if document["version"] != 1 or not isinstance(document["cases"], list):
            raise ValueError("not a task list")
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise OpenError(
            f"{path.parent.name}/{DOCUMENT} is damaged: put back a copy, or move it away to begin anew."
        ) from error
    return document, _hash(data)


def _stamp(path: Path) -> str:
    return _hash(path.read_bytes()) if path.exists() else ""


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _case(entry: Any) -> Case:
    damaged = OpenError(f"{DOCUMENT} is damaged: put back a copy, or move it away to begin anew.")
    if not isinstance(entry, dict):
        raise damaged
    entry = LATER | entry
    kinds = {field.name: KINDS.get(field.name, str) for field in fields(Case)}
    right = all(isinstance(entry.get(name), kind) for name, kind in kinds.items())
    right = right and 0 <= entry["seconds"] < math.inf and entry["state"] in STATES
    if not right or any(Path(entry[name]).name != entry[name] for name in ("saved", "given")):
        raise damaged
    try:
        dices = tuple((str(name), _share(dice)) for name, dice in entry["dices"])
        doubt = None if entry["doubt"] is None else _share(entry["doubt"])
    except (TypeError, ValueError) as error:
        raise damaged from error
    return Case(**{name: entry[name] for name in kinds} | {"dices": dices, "doubt": doubt})


def _share(value: Any) -> float:
    """Raises TypeError or ValueError where it is no number from 0 to 1."""
    if not 0 <= float(value) <= 1:
        raise ValueError("no Dice")
    return float(value)


def _resumed(case: Case, before: Case | None) -> Case:
    """A case as it was left. Raises OpenError where its name now stands for another image."""
    if before is None:
        return case
    if (before.image, before.segmentation) != (case.image, case.segmentation):
        raise OpenError(f"{case.id} had other files when it was read: give the new ones a name of their own.")
    return before
