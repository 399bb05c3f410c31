"""The sign-off of a registration on one page: what was aligned, how well, with pictures, and what a person said of it.

The page is one HTML file with everything in it. Only what Qt's rich text knows of HTML is used, so that the same text
becomes the PDF: tables for the layout, and pictures with their sizes.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from viewer.settings import NAME, NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from viewer.data.transform import SignOff

Verdict = Literal["", "good", "warning"]
WORDS: dict[Verdict, str] = {"": "", "good": "✓ within", "warning": "⚠ beyond"}
INK: dict[str, str] = {"": "#1b1f24", "good": "#1c6a40", "warning": "#7d4e00", "rejected": "#b0261f", "dim": "#565f6b"}
PICTURE, WIDTH = 200, 690  # pixels: the largest side of a picture, and what a row of them may take
STYLE = f"""\
body {{ font-family: "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-size: 9pt; color: {INK[""]};
    max-width: 760px; }}
h1 {{ font-size: 15pt; margin: 0; }}
p {{ margin: 2px 0; }}
td {{ padding: 1px 6px 1px 0; vertical-align: top; }}
"""


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
class Picture:
    """png: the bytes of a square PNG picture."""

    title: str
    png: bytes


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
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f"<title>{escape(report.title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(report.title)}</h1>",
            _verdict(report.sign_off),
            f'<table width="100%" cellspacing="0" cellpadding="0">{"".join(rows)}</table>',
            _pictures(report.pictures),
            _line(report.note, "dim") if report.note else "",
            _line(f"{NOTICE} Made by {NAME}, {report.created}.", "dim"),
            "</body></html>\n",
        )
    )


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
    cells = (f'<span style="color: {INK["dim"]}">{escape(figure.name)}</span>', escape(figure.value), limit)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _pictures(rows: Iterable[Sequence[Picture]]) -> str:
    lines = "".join(
        f"<tr>{''.join(_picture(one, min(PICTURE, WIDTH // len(row))) for one in row)}</tr>" for row in rows
    )
    return f'<table cellspacing="0" cellpadding="2">{lines}</table>' if lines else ""


def _picture(picture: Picture, side: int) -> str:
    data = b64encode(picture.png).decode("ascii")
    title = escape(picture.title)
    shown = f'<img src="data:image/png;base64,{data}" width="{side}" height="{side}" alt="{title}">'
    return f'<td>{shown}<br><span style="color: {INK["dim"]}">{title}</span></td>'


def _line(text: str, ink: str) -> str:
    return f'<p style="color: {INK[ink]}">{escape(text)}</p>'
