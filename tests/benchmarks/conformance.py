"""What readers of DICOM make of real and spoilt series: `python tests/benchmarks/conformance.py [--studies 5000]`.

Studies are drawn at random (tests/fixtures/dicom_draw.py): classic files, enhanced multi-frame files and mosaics, with
diffusion weightings of every vendor and several faults at once, held against their truth: how many are lost, merged
with others, misplaced, misread, or wrong without a word. Then each fault by itself, in classic files, is given to
SimpleITK's series reader (GDCM), highdicom, and dcm2niix where `--dcm2niix` names it, in the same run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.dicom_draw import draw_study
from tests.fixtures.dicom_faults import FAULTS
from tests.fixtures.dicom_forms import write_study
from tests.fixtures.dicom_indexed import index
from tests.fixtures.dicom_studies import DrawnStudy
from tests.fixtures.dicom_verdict import judge, judge_tables
from viewer.io.dicom.headers.scan import scan_file

Outcome = str  # "right", "refused", "unsaid", "misread", "misplaced", "merged" or "lost"
ProbeValue = Callable[[DrawnStudy, Path], Outcome]
KINDS = ("lost", "merged", "misplaced", "misread", "unsaid")


def tomolens(study: DrawnStudy, folder: Path) -> Outcome:
    """What our own reading makes of it; every image is grouped from scanned headers, as in a reader process."""
    headers = [scan_file(str(path)) for path in study.paths]
    verdict = judge(study, [image for images in index(headers).values() for image in images])
    return next((kind for kind in KINDS if getattr(verdict, kind)), "right")


def outcome(study: DrawnStudy, tables: list[Any], words: str, refused: bool) -> Outcome:
    """The same of a peer: what it keeps, and whether it said anything where it should. words: all that it printed."""
    verdict = judge_tables(study, tables)
    if refused:
        return "refused"
    wrong = next((kind for kind in KINDS[:3] if getattr(verdict, kind)), "")
    return wrong or ("unsaid" if study.said and not words.strip() else "right")


def simpleitk(study: DrawnStudy, folder: Path) -> Outcome:
    """ImageSeriesReader over each series that GDCM finds; its warnings go to standard error."""
    tables, refused = [], False
    with captured() as words:
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), uid))
            try:
                array = sitk.GetArrayFromImage(reader.Execute())
            except RuntimeError:
                refused = True
            else:
                tables.append(array[None, :, 1, 1])
    return outcome(study, tables, words[0], refused and not tables)


def by_highdicom(study: DrawnStudy, folder: Path) -> Outcome:
    """highdicom.get_volume_from_series over each Series Instance UID; it refuses what is not regular."""
    series: dict[str, list[pydicom.Dataset]] = {}
    for path in study.paths:
        ds = pydicom.dcmread(path)
        series.setdefault(ds.SeriesInstanceUID, []).append(ds)
    tables, refused = [], False
    for members in series.values():
        try:
            values = highdicom.get_volume_from_series(members).array[:, 1, 1]
        except (ValueError, AttributeError, IndexError, TypeError, KeyError):
            refused = True
        else:
            tables.append(_upright(study, values[None]))
    return outcome(study, tables, "", refused)


def dcm2niix(program: str) -> ProbeValue:
    """All NIfTI files that dcm2niix writes; derived ones (_Eq, _Tilt) beside the originals are left out."""

    def read(study: DrawnStudy, folder: Path) -> Outcome:
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run(
                [program, "-b", "n", "-z", "n", "-f", "%s_%d", "-o", out, str(folder)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            tables = []
            for path in sorted(Path(out).glob("*.nii")):
                array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
                array = array.reshape(-1, *array.shape[-3:])
                values = array[..., array.shape[-2] // 2, array.shape[-1] // 2]
                known = {one.value for one in study.slices}
                if set(np.unique(values).tolist()) <= known | {0}:
                    tables.append(_upright(study, values))
            said = [line for line in done.stdout.splitlines() + done.stderr.splitlines() if _is_warning(line)]
        return outcome(study, tables, "\n".join(said), not tables)

    return read


def _is_warning(line: str) -> bool:
    return any(word in line.lower() for word in ("warning", "error", "unable", "issue", "skip", "missing"))


def _upright(study: DrawnStudy, table: Any) -> Any:
    """Other conventions list slices the other way round; that is no fault."""
    depth = {one.value: one.depth for one in study.slices}
    row = [depth[int(value)] for value in table[0] if value]
    return table[:, ::-1] if row == sorted(row, reverse=True) else table


@contextmanager
def captured() -> Iterator[list[str]]:
    """What C++ libraries write on standard error meanwhile, as one text."""
    words = [""]
    with tempfile.TemporaryFile() as sink:
        kept = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield words
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            sink.seek(0)
            words[0] = sink.read().decode(errors="replace")


def drawn(
    seed: int, faults: list[str] | None, read: Callable[[DrawnStudy, Path], Outcome]
) -> tuple[DrawnStudy, Outcome]:
    random = Random(seed)
    study = draw_study(random, faults)
    with tempfile.TemporaryDirectory() as folder:
        write_study(study, Path(folder), random)
        return study, read(study, Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=5000)
    parser.add_argument("--each", type=int, default=20, help="studies with one fault each, for the table beside peers")
    parser.add_argument("--dcm2niix", default="", help="the program to compare with")
    asked = parser.parse_args()
    total: Counter[str] = Counter()
    slices = 0
    for seed in range(asked.studies):
        study, found = drawn(seed, None, tomolens)
        total[found] += 1
        slices += len(study.slices)
        if found != "right":
            print(f"seed {seed}: {found}: {study.form}: {', '.join(study.faults)}")
    wrong = ", ".join(f"{total[kind]} {kind}" for kind in KINDS)
    print(f"{asked.studies} studies of {slices:,} slices, up to three faults each: {wrong}\n")
    readers = {"Tomolens": tomolens, "SimpleITK": simpleitk, "highdicom": by_highdicom}
    if asked.dcm2niix:
        readers["dcm2niix"] = dcm2niix(asked.dcm2niix)
    print(f"{asked.each} studies with one fault each: how many are right, what becomes of the others")
    print("| fault | " + " | ".join(readers) + " |\n|---|" + "---|" * len(readers))
    for fault in ("", *FAULTS):
        cells = []
        for read in readers.values():
            counts = Counter(drawn(seed, [fault] if fault else [], read)[1] for seed in range(asked.each))
            cells.append(", ".join(f"{count} {kind}" for kind, count in counts.most_common()))
        print(f"| {fault or 'none'} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
