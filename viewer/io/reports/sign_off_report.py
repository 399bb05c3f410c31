"""The sign-off of a registration on one page: what was aligned, how well, with pictures, and what a person said."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from viewer.io.reports.page import INK, dim, line, page, pictures
from viewer.settings import NAME, NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from viewer.data.transform import SignOff
    from viewer.io.reports.page import Picture

Verdict = Literal["", "good", "warning"]
WORDS: dict[Verdict, str] = {"": "", "good": "✓ within", "warning": "⚠ beyond"}


@dataclass(frozen=True)
class Figure:
    """One line: what it is, its value with its unit, what it should be at most, and whether it is."""

    name: str
    value: str
    limit: str = ""
    verdict: Verdict = ""


@dataclass(frozen=True)
class Section:
    """Lines that belong together."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Report:
    """Everything on the page. created: when, ISO 8601. images: the two that were aligned, side by side.

    sections: figures, two beside each other. pictures: rows of them; `note` says how they are to be read.
    """

    title: str
    created: str
    sign_off: SignOff | None
    images: tuple[Section, Section]
    sections: tuple[Section, ...]
    pictures: tuple[tuple[Picture, ...], ...] = ()
    note: str = ""


def html(report: Report) -> str:
    """The page; every text of it is escaped, and nothing is loaded from elsewhere."""
    rows = [_pair(report.images), *(_pair(report.sections[n : n + 2]) for n in range(0, len(report.sections), 2))]
    body = (
        _verdict(report.sign_off),
        f'<table width="100%" cellspacing="0" cellpadding="0">{"".join(rows)}</table>',
        pictures(report.pictures),
        line(report.note, "dim") if report.note else "",
        line(f"{NOTICE} Made by {NAME}, {report.created}.", "dim"),
    )
    return page(report.title, body)


def write(report: Report, target: Path) -> None:
    """Write the page as a file: beside first, read back, then renamed. Raises OSError, ValueError where it differs."""
    text = html(report)
    beside = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        beside.write_text(text, encoding="utf-8")
        if beside.read_text(encoding="utf-8") != text:
            raise ValueError(f"{target.name} was not written as it should be: the disk may be damaged.")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _verdict(sign_off: SignOff | None) -> str:
    if sign_off is None:
        return f'<p style="color: {INK["warning"]}"><b>Not reviewed</b>: nobody has signed this registration off.</p>'
    ink = INK["good"] if sign_off.verdict == "accepted" else INK["rejected"]
    said = f" Remark: {escape(sign_off.remark)}" if sign_off.remark else ""
    who = f"by {escape(sign_off.reader)}, {escape(sign_off.time)}."
    return f'<p><b style="color: {ink}">{sign_off.verdict.capitalize()}</b> {who}{said}</p>'


def _pair(sections: Iterable[Section]) -> str:
    """Two sections beside each other."""
    cells = (f'<td width="50%">{_section(one)}</td>' for one in sections)
    return f"<tr>{''.join(cells)}</tr>"


def _section(section: Section) -> str:
    lines = "".join(_figure(one) for one in section.figures)
    title = f'<p style="margin-top: 6px"><b>{escape(section.title)}</b></p>'
    return f'{title}<table cellspacing="0" cellpadding="1">{lines}</table>'


def _figure(figure: Figure) -> str:
    word = f'<span style="color: {INK[figure.verdict]}">{WORDS[figure.verdict]}</span>' if figure.verdict else ""
    limit = f"{word} {escape(figure.limit)}".strip()
    cells = (dim(figure.name), escape(figure.value), limit)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
