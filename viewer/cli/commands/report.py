"""`report`: findings of a project or of a structured report, listed, or written as DICOM SR, HTML and PDF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from viewer.cli.exit_codes import BadInput, JobFailed, WrongUse
from viewer.cli.headless_session import HeadlessStage, check_path, finish, one_image
from viewer.cli.inputs import call_reader, read_file
from viewer.cli.outputs import report_paths
from viewer.data.annotations.finding import finding_json
from viewer.data.transform import ImageReference
from viewer.io import requests
from viewer.io.project.project_file import ENDING
from viewer.io.reports.finding_page import finding_page
from viewer.io.reports.phrases import phrases
from viewer.scene.findings.finding_report import FindingReport, Language, reported
from viewer.scene.layer import VolumeLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from viewer.data.arrays import Json
    from viewer.data.segmentation import Segmentation
    from viewer.scene.findings.finding_list import FindingEntry

NO_IMAGE = "--out needs --image PATH: the image that the structured report is of."
OTHER_IMAGE = "{image}: {source} is not about this image; choose the one that it refers to."


@dataclass(frozen=True)
class Wishes:
    """What is asked of a report. out: the folder, None to list only. sign: by the reader. pdf: writes a page as PDF."""

    out: Path | None
    language: str
    reader: str
    sign: bool
    unreviewed: bool
    pdf: Callable[[str, str, Path], int] | None


@dataclass(frozen=True)
class Found:
    """Findings of one image. reference, regions: what is reported of; None and nothing where the image is not there."""

    name: str
    entries: tuple[FindingEntry, ...]
    reference: ImageReference | None
    regions: Mapping[str, Segmentation]


def report(source: str, image: str, wishes: Wishes) -> Json:
    """The document that `report --json` prints. image: path of the image that a structured report is of.

    Raises WrongUse, BadInput and JobFailed.
    """
    if wishes.language not in get_args(Language):
        raise WrongUse(f"--language {wishes.language}: choose {' or '.join(get_args(Language))}.")
    check_path(source)
    with HeadlessStage() as stage:
        notes: tuple[str, ...] = ()
        if source.lower().endswith(ENDING):
            images = _of_project(stage, Path(source))
        elif wishes.out is not None and not image:
            raise WrongUse(NO_IMAGE)
        else:
            images, notes = _of_report(stage, source, image)
        written = [_write(stage, one, number, wishes) for number, one in enumerate(images, 1)] if wishes.out else []
    findings = [_listed(entry, one.name) for one in images for entry in one.entries]
    return {"findings": findings, "reports": written, "notes": list(notes)}


def show(document: Json, console: Console) -> None:
    """Print findings and files for people."""
    for one in document["findings"]:
        said = one["refused"] or f"{one['statement']} {one['tracking_id']} ({one['state']}) {one['mark']}"
        console.print(f"{one['image']}: {said}".rstrip(), highlight=False)
    for one in document["reports"]:
        console.print(f"{one['image']}: {one['report'] or one['page']}, {one['findings']} findings", highlight=False)
    for sentence in document["notes"]:
        console.print(sentence, highlight=False)


def _of_project(stage: HeadlessStage, path: Path) -> list[Found]:
    """The findings of each image of a project. Raises BadInput where images are missing or nothing was found."""
    missing: list[str] = []
    stage.session.projects.images_missing.connect(
        lambda opening: missing.extend(opening.title(one.key) for one in opening.missing)
    )
    try:
        finish(stage, stage.session.projects.open(path))
    except JobFailed as error:
        raise BadInput(str(error)) from error
    if missing:
        raise BadInput(f"{path}: its images are not where they were ({', '.join(missing[:3])}): bring them back.")
    document = stage.session.document
    entries = tuple(document.findings)
    if not entries:
        raise BadInput(f"{path}: it holds no findings.")
    regions = {layer.id: layer.segmentation for layer in document.segmentation_layers}
    found = []
    for layer_id in dict.fromkeys(one.image for one in entries):
        layer, own = document.find(layer_id), tuple(one for one in entries if one.image == layer_id)
        place = ImageReference(layer.grid, layer.source) if isinstance(layer, VolumeLayer) else None
        found.append(Found(layer.name if layer else "", own, place, regions))
    return found


def _of_report(stage: HeadlessStage, source: str, image: str) -> tuple[list[Found], tuple[str, ...]]:
    """The findings of a structured report. Raises BadInput, also where it is not about the image."""
    place, name = None, ""
    if image:
        opened = one_image(stage, image)
        place, name = ImageReference(opened.grid, opened.source), opened.title
    found = read_file(stage, requests.read_finding_report, source, [place] if place else [])
    if place and found.image < 0:
        raise BadInput(OTHER_IMAGE.format(image=image, source=source))
    return [Found(name or found.title, found.entries, place, {})], found.notes


def _write(stage: HeadlessStage, found: Found, number: int, wishes: Wishes) -> Json:
    """The reports of one image; of the first without a number in their names. Raises BadInput, JobFailed."""
    assert wishes.out is not None  # asked for before
    name = "report" if number == 1 else f"report-{number}"
    if found.reference is None:
        raise BadInput(f"{found.name or 'An image'} is not open any more: its findings have no place.")
    entries = reported(found.entries, unreviewed=wishes.unreviewed)
    try:
        told = FindingReport(found.reference, found.name, entries, wishes.reader, wishes.sign, _language(wishes))
    except ValueError as error:
        raise BadInput(f"{found.name}: {error}") from error
    wishes.out.mkdir(parents=True, exist_ok=True)
    page = wishes.out / f"{name}.html"
    call_reader(stage, requests.save_finding_page, told, page, {}, failure=JobFailed)
    files: Json = {"report": None, "regions": [], "key_images": None}
    if found.reference.source.dicom and told.findings:
        arguments = (told, wishes.out / f"{name}.dcm", found.regions)
        files = report_paths(call_reader(stage, requests.save_finding_report, *arguments, failure=JobFailed))
    stage.session.review.trail.note("report", told.reader, signed=told.signed, findings=len(told.findings))
    left_out = len(found.entries) - len(entries)
    counts = {"findings": len(told.findings), "left_out": left_out}
    return {"image": found.name, **files, "page": str(page), "pdf": _pdf(told, page, wishes), **counts}


def _pdf(told: FindingReport, page: Path, wishes: Wishes) -> str | None:
    if wishes.pdf is None:
        return None
    target = page.with_suffix(".pdf")
    try:
        wishes.pdf(finding_page(told), phrases(told.language).title, target)
    except OSError as error:
        raise JobFailed(f"{target.name} was not written ({error}): choose another folder.") from error
    return str(target)


def _language(wishes: Wishes) -> Language:
    return "zh" if wishes.language == "zh" else "en"


def _listed(entry: FindingEntry, image: str) -> Json:
    """An entry as `run --json` has it, with the image, its source and its mark."""
    said = entry.finding or entry.refusal
    assert said is not None  # one of the two
    return {"image": image, "source": entry.title, "mark": entry.mark, **finding_json(said)}
