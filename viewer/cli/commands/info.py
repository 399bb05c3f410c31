"""`info`: patients, studies, series, volumes, geometry and warnings of what is on disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from viewer.cli.headless_session import HeadlessStage, open_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from viewer.data.arrays import Json
    from viewer.data.study import Image, LabelFile, RefusedFile


def info(paths: Sequence[str], placement: str = "") -> Json:
    """The document that `info --json` prints. Raises BadInput where nothing could be opened.

    placement: of NIfTI files, "sform" or "qform"; "" for the one that is taken.
    """
    started = time.perf_counter()
    with HeadlessStage(placement) as stage:
        images = open_all(stage, paths)
        return {
            "patients": patients(images),
            "label_files": [_labels(found) for found in stage.session.studies.label_files.values()],
            "refused": [_refused(refused) for refused in stage.session.studies.refusals],
            "seconds": round(time.perf_counter() - started, 3),
        }


def patients(images: Sequence[Image]) -> list[Json]:
    """Images as a tree of patients, studies and series, each in the order found.

    A file that is no DICOM tells of no patient: it is a study of its own, named after it, of somebody unknown.
    """
    tree: dict[tuple[str, str, str], Json] = {}
    for image in images:
        source = image.source
        name, file = source.patient_name, "" if source.dicom else source.files[0]
        key = (source.patient_id, name, file)
        patient = tree.setdefault(key, {"id": source.patient_id, "name": name, "studies": {}})
        description = source.study_description if source.dicom else source.series_description
        study = patient["studies"].setdefault(
            source.study_uid,
            {"uid": source.study_uid, "date": source.study_date, "description": description, "series": {}},
        )
        series = study["series"].setdefault(
            source.series_uid or source.files[0],
            {
                "uid": source.series_uid,
                "modality": source.modality,
                "description": source.series_description,
                "number": source.series_number,
                "volumes": [],
            },
        )
        series["volumes"].append(_volume(image))
    found = list(tree.values())
    for patient in found:
        patient["studies"] = list(patient["studies"].values())
        for study in patient["studies"]:
            study["series"] = list(study["series"].values())
    return found


def _volume(image: Image) -> Json:
    grid = image.grid
    return {
        "name": image.name,
        "shape": list(grid.shape),
        "timepoints": image.timepoints,
        "components": image.components,
        "dtype": str(image.dtype),
        "unit": image.unit,
        "spacing": [round(float(mm), 6) for mm in grid.spacing],
        "origin": [round(float(mm), 6) for mm in grid.origin],
        "direction": [round(float(cosine), 9) for cosine in grid.direction.ravel()],
        "regular": image.regular,
        "files": len(image.source.files),
        "transfer_syntax": image.transfer_syntax,
        "range": None,  # of its values, which are not read for this
        "warnings": list(image.warnings),
        "suvbw_factor": image.suvbw_factor,
        "b_values": list(image.b_values),
        "times": [round(seconds, 6) for seconds in image.times],
        "placement": list(image.source.placement),
        "other_placement": "".join(image.other.source.placement) if image.other else "",
        "codes": [notice.code for notice in image.notices],
    }


def _labels(found: LabelFile) -> Json:
    return {
        "path": found.path,
        "modality": found.source.modality,
        "description": found.source.series_description,
        "segments": found.count,
        "patient": found.source.patient_id,
        "about": found.referenced_series_uid,
    }


def _refused(refused: RefusedFile) -> Json:
    return {"path": refused.path, "reason": refused.reason}


def show(document: Json, console: Console) -> None:
    """Print it for people."""
    for patient in document["patients"]:
        console.print(_tree(patient))
    for found in document["label_files"]:
        console.print(f"{found['modality']} {found['description']}: {found['segments']} segments, {found['path']}")
    for refused in document["refused"]:
        console.print(Text.assemble(("not opened:", "yellow"), f" {refused['path']}: {refused['reason']}"))


def _tree(patient: Json) -> Tree:
    branch = Tree(Text(patient["name"] or patient["id"] or "patient not known", "bold"))
    for study in patient["studies"]:
        twig = branch.add(f"{study['date']} {study['description']}".strip() or "study")
        for series in study["series"]:
            leaf = twig.add(f"{series['modality']} {series['number'] or ''} {series['description']}".strip())
            for volume in series["volumes"]:
                _show_volume(volume, leaf)
    return branch


def _show_volume(volume: Json, leaf: Tree) -> None:
    size = " × ".join(str(n) for n in volume["shape"][::-1])
    spacing = " × ".join(f"{mm:.4g}" for mm in volume["spacing"][::-1])
    times = f", {volume['timepoints']} time points" if volume["timepoints"] > 1 else ""
    facts = f"{size} at {spacing} mm, {volume['dtype']} {volume['unit']}{times}".strip()
    line = leaf.add(f"{volume['name']}: {facts}" if volume["name"] else facts)
    for warning in volume["warnings"]:
        line.add(Text(warning, "yellow"))
