"""Findings of an image as a page for people, in English or Chinese: the same text becomes HTML and PDF.

Sentences come from one template for each kind of finding and language (phrases); nothing is worded freely.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from viewer.io.reports.page import INK, Picture, dim, line, page, pictures
from viewer.io.reports.phrases import phrases
from viewer.settings import NAME, application_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from viewer.data.annotations.finding import Finding, FindingAlgorithm, InputCheck
    from viewer.io.reports.phrases import Phrases
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.scene.findings.finding_report import FindingReport

PICTURES_IN_ROW = 3


def finding_page(report: FindingReport, key_images: Mapping[str, bytes] | None = None) -> str:
    """The whole page; every text of it is escaped, and nothing is loaded from elsewhere.

    key_images: PNG of square pictures, by the ids of the entries that they show.
    """
    words = phrases(report.language)
    found = [one for one in report.entries if one.finding is not None]
    body = [line(words.notice, "warning"), *_status(report, words), _table(_facts(report, words))]
    for number, entry in enumerate(found, 1):
        body += _finding(entry, number, words)
    for entry in report.entries:
        if entry.refusal is not None:
            sentence = words.templates["refused"].format(algorithm=entry.title, sentence=entry.refusal.sentence)
            body += [_heading(words.labels["refused"]), line(sentence, ""), *_checks(entry.refusal.checks, words)]
    body += _pictures(found, key_images or {}, words)
    body.append(line(f"{words.notice} {NAME} {application_version()}, {report.created}", "dim"))
    return page(words.title, body, words.html)


def _status(report: FindingReport, words: Phrases) -> Iterator[str]:
    """Whether it is signed, and how much of it nobody has reviewed."""
    text = words.status["signed" if report.signed else "unsigned"].format(reader=report.reader)
    yield f'<p style="color: {INK["good" if report.signed else "warning"]}"><b>{escape(text)}</b></p>'
    if waiting := sum(bool(one.mark) for one in report.entries):
        total = len(report.findings)
        yield f'<p style="color: {INK["rejected"]}"><b>{escape(_waiting(words, waiting, total))}</b></p>'


def _waiting(words: Phrases, count: int, total: int) -> str:
    return words.status["waiting"].format(count=count, total=total)


def _facts(report: FindingReport, words: Phrases) -> Iterator[tuple[str, str]]:
    """Whose image it is, and who reports; what is not known is left out."""
    source = report.image.source.shown
    study = f"{source.study_description} {_iso(source.study_date)}".strip()
    told = {
        "patient": source.patient_name.replace("^", " "),
        "id": source.patient_id,
        "birth": _iso(source.patient_birth_date),
        "sex": source.patient_sex,
        "study": study,
        "series": source.series_description,
        "image": report.name,
        "reader": report.reader,
        "created": report.created,
    }
    yield from ((words.labels[name], text) for name, text in told.items() if text)


def _finding(entry: FindingEntry, number: int, words: Phrases) -> Iterator[str]:
    finding = entry.finding
    assert finding is not None  # refusals are told apart from findings
    yield _heading(f"{number}. {finding.tracking_id or words.statement(finding.statement)}")
    if mark := words.mark(entry):
        yield f'<p style="color: {INK["rejected"]}"><b>{escape(mark)}</b></p>'
    yield line(words.sentence(finding), "")
    yield _table(_details(entry, finding, words))
    yield from _checks(finding.checks, words)


def _details(entry: FindingEntry, finding: Finding, words: Phrases) -> Iterator[tuple[str, str]]:
    """What stands below the sentence of a finding, a line each."""
    state = words.states[finding.state]
    told = {
        "code": " ".join(finding.statement.code[:2]),
        "certainty": words.certainty(finding),
        "review": f"{state} ({finding.reader})" if finding.reader else state,
        "reading": words.reading[entry.reading],
        "algorithm": _algorithm(finding.algorithm, words),
        "tracking": finding.tracking_uid,
    }
    yield from ((words.labels[name], text) for name, text in told.items() if text)


def _algorithm(algorithm: FindingAlgorithm | None, words: Phrases) -> str:
    if algorithm is None:
        return ""
    weights = algorithm.weights_sha256 and f"{words.joint}{words.labels['weights']} {algorithm.weights_sha256}"
    return f"{algorithm.name} {algorithm.version}{weights}"


def _checks(checks: tuple[InputCheck, ...], words: Phrases) -> Iterator[str]:
    """What the input was asked, and what it said."""
    if checks:
        rows = ((one.name, f"{words.outcomes[one.outcome]}: {one.sentence}") for one in checks)
        yield f"{line(words.labels['checks'], 'dim')}{_table(rows)}"


def _pictures(found: list[FindingEntry], key_images: Mapping[str, bytes], words: Phrases) -> Iterator[str]:
    """Key images in rows, each under its number and its mark."""
    shown = []
    for number, entry in enumerate(found, 1):
        if entry.id in key_images:
            title = " · ".join(filter(None, (f"{number}. {entry.name}", words.mark(entry))))
            shown.append(Picture(title, key_images[entry.id]))
    if shown:
        yield _heading(words.labels["pictures"])
        yield pictures(shown[n : n + PICTURES_IN_ROW] for n in range(0, len(shown), PICTURES_IN_ROW))


def _table(rows: Iterator[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td>{dim(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows)
    return f'<table cellspacing="0" cellpadding="1">{lines}</table>'


def _heading(text: str) -> str:
    return f'<p style="margin-top: 8px"><b>{escape(text)}</b></p>'


def _iso(date: str) -> str:
    """A DICOM date as ISO 8601; other texts as they are."""
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdecimal() else date
