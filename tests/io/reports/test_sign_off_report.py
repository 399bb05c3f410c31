"""The sign-off page: complete, self-contained, and safe whatever a file or a reader says."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.transform import SignOff
from viewer.io.reports.page import Picture
from viewer.io.reports.sign_off_report import Figure, Report, Section, html, write
from viewer.settings import NOTICE

SIGNED = SignOff("accepted", "Dr. Ruth Okafor", "good at the brain stem", "2026-11-22T10:15:00+00:00")
PNG = b"\x89PNG\r\n\x1a\n and more"
REPORT = Report(
    title="Registration of follow-up to baseline",
    created="2026-11-22T10:16:00+00:00",
    sign_off=SIGNED,
    images=(Section("Fixed", (Figure("Series", "T1"),)), Section("Moving", (Figure("Series", "T1 follow-up"),))),
    sections=(
        Section("Landmarks", (Figure("TRE, mean", "2.7 mm", "2 mm", "warning"), Figure("Pairs", "5"))),
        Section("Deformation", (Figure("Folding", "0 %", "0 %", "good"),)),
        Section("Similarity", (Figure("NCC before", "0.41"), Figure("NCC after", "0.93"))),
    ),
    pictures=((Picture("Axial, before", PNG), Picture("Axial, after", PNG)),),
    note="Green: fixed; magenta: moving.",
)


class Page(HTMLParser):
    """What a browser would show, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_everything_is_on_the_page():
    page = Page(html(REPORT))
    figures = [one for section in (*REPORT.images, *REPORT.sections) for one in section.figures]
    for text in (REPORT.title, NOTICE, REPORT.note, SIGNED.reader, SIGNED.remark, SIGNED.time, "Accepted"):
        assert text in page.text
    for figure in figures:
        assert figure.name in page.text
        assert figure.value in page.text
    assert "⚠ beyond" in page.text
    assert "✓ within" in page.text


def test_pictures_are_inside_and_nothing_comes_from_elsewhere():
    page = Page(html(REPORT))
    assert len(page.sources) == 2
    for source in page.sources:
        kind, data = source.split(",")
        assert kind == "data:image/png;base64"
        assert b64decode(data) == PNG


def test_a_page_says_that_nobody_has_looked_or_who_refused():
    assert "Not reviewed" in Page(html(replace(REPORT, sign_off=None))).text
    refused = Page(html(replace(REPORT, sign_off=replace(SIGNED, verdict="rejected")))).text
    assert "Rejected" in refused
    assert "Accepted" not in refused


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1))
def test_no_text_becomes_markup(text):
    known = Page(html(REPORT)).tags
    said = replace(
        REPORT,
        title=text,
        sign_off=replace(SIGNED, reader=text, remark=text),
        images=(Section(text, (Figure(text, text, text),)), REPORT.images[1]),
        pictures=((Picture(text, PNG), REPORT.pictures[0][1]),),
    )
    page = Page(html(said))
    assert page.tags == known
    assert text in "".join(page.words)


def test_it_is_written_whole_and_replaces_what_was_there(tmp_path: Path):
    target = tmp_path / "page.html"
    target.write_text("old")
    write(REPORT, target)
    assert target.read_text(encoding="utf-8") == html(REPORT)
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_written_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "page.html"
    target.write_text("old")
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "cut off")
    with pytest.raises(ValueError, match="not written as it should"):
        write(REPORT, target)
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
