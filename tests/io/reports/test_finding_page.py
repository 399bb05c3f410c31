"""The page of findings: in both languages, marked, complete, and safe whatever a file or a reader says."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.finding_reports import (
    BY_HAND,
    CHINESE,
    GRID,
    REFUSAL,
    UNREVIEWED,
    WHOLE,
    WITH_BOX,
    WITH_SEGMENT,
    listed,
)
from viewer.data.annotations.finding import Measurement
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.io.reports.finding_page import finding_page
from viewer.io.reports.phrases import phrases
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.findings.finding_report import FindingReport
from viewer.settings import NOTICE

SOURCE = Source(
    "P-1", CHINESE, "19700102", study_date="20240503", series_description="FLAIR", modality="MR", dicom=True
)
PNG = b"\x89PNG\r\n\x1a\n and more"


class Page(HTMLParser):
    """What a browser would show, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.language = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.language = str(dict(attrs).get("lang", "")) if tag == "html" else self.language
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.words)


def made(*entries: FindingEntry, pictures: dict[str, bytes] | None = None, **told: Any) -> Page:
    entries = entries or listed(WITH_BOX, WITH_SEGMENT, BY_HAND, WHOLE)
    return Page(finding_page(FindingReport(ImageReference(GRID, SOURCE), "FLAIR 3D", entries, **told), pictures))


def test_english() -> None:
    page = made(reader="Jane Doe", created="2026-12-01T10:00:00+00:00")
    assert page.language == "en"
    for said in (
        NOTICE, "Not signed: preliminary", "P-1", "1970-01-02", "2024-05-03", "Jane Doe", "2026-12-01T10:00:00+00:00",
        "Multiple sclerosis plaque, Deep white matter: Volume 1.23 ml, Maximum 3D Diameter of a Mesh 12 mm",
        "87.7 %, interval 50.0–95.0 %, operating point 40.0 %",
        "Accepted (王^小明)", "Added by hand (王^小明)", "diagnose_x 1.0", "99TOMOLENS ms-plaque",
        WITH_BOX.tracking_uid,
        "Lesion; said of the whole image.", "at x -9.3, y 31.4, z 14.5 mm in patient coordinates (LPS).",
        "passed: It is CT.",
    ):  # fmt: skip
        assert said in page.text, said


def test_chinese() -> None:
    page = made(*listed(UNREVIEWED, WITH_BOX), FindingEntry("image", refusal=REFUSAL, title="模型"), language="zh")
    assert page.language == "zh-CN"
    for said in (
        "影像发现报告", "非医疗器械；仅供研究和审阅。", "未经审核的AI结果", "2项发现中有1项未审核。", "病灶；位于",
        "多发性硬化斑块，深部白质：体积 1.23 毫升，最大三维直径 12 毫米；"
        "位于患者坐标（LPS）x -9.3、y 31.4、z 14.5 毫米。",
        "87.7 %，区间 50.0–95.0 %，工作点 40.0 %", "已接受 (王^小明)", "模型未对此图像作出判断：It is CT, not MR.",
    ):  # fmt: skip
        assert said in page.text, said
    assert "Lesion" not in page.text
    assert "Not reviewed" not in page.text


def test_what_nobody_reviewed_is_marked_wherever_it_stands() -> None:
    (entry,) = listed(UNREVIEWED)
    page = made(entry, pictures={entry.id: PNG})
    assert page.words.count("AI, not reviewed") == 1
    assert "1. new one · AI, not reviewed" in page.text
    assert "1 of 1 findings are not reviewed." in page.text
    assert "AI, not reviewed" not in made(*listed(WITH_BOX)).text


def test_a_signature_is_named() -> None:
    assert "Signed by Jane Doe: final." in made(reader="Jane Doe", signed=True).text
    assert "已由王医生签署：最终报告。" in made(reader="王医生", signed=True, language="zh").text


def test_key_images_are_in_the_page_itself() -> None:
    entries = listed(WITH_BOX, BY_HAND)
    page = made(*entries, pictures={entries[1].id: PNG})
    assert len(page.sources) == 1
    assert page.sources[0].startswith("data:image/png;base64,")
    assert "2. mine" in page.text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999.6, "1,000"),
        (1234.5, "1,234"),
        (0.01234, "0.0123"),
        (12.0, "12"),
        (-3.456, "-3.46"),
        (1e6, "1,000,000"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float, text: str) -> None:
    figure = Measurement(("SCT", "118565006", "Volume"), value, "ml")
    assert phrases("en").figure(figure) == f"Volume {text} ml"
    assert phrases("zh").figure(figure) == f"体积 {text} 毫升"


def test_both_languages_have_the_same_words() -> None:
    one, other = phrases("en"), phrases("zh")
    for name in ("unreviewed", "states", "reading", "labels", "status", "templates", "outcomes"):
        assert set(getattr(one, name)) == set(getattr(other, name)), name
    assert one.unreviewed == {"learned": "AI, not reviewed", "processed": "processed, not reviewed"}
    assert one.notice == NOTICE


def test_no_side_is_named_that_nobody_looked_at() -> None:
    text = made(*listed(WITH_BOX, BY_HAND)).text.casefold()
    assert not {"left", "right", "anterior", "posterior"} & set(text.replace(",", " ").split())
    assert not set("左右") & set(made(*listed(WITH_BOX, BY_HAND), language="zh").text)


@given(text=st.text(max_size=30))
def test_no_text_becomes_a_tag(text: str) -> None:
    finding = replace(BY_HAND, tracking_id=f"<script>{text}", reader=f"<b>{text}</b>")
    page = made(*listed(finding), reader=f"<img src=x>{text}")
    assert not {"script", "img"} & page.tags
    assert not page.sources
