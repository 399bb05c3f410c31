"""Coded terms: codes that the standard knows, and searches as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts

from viewer.data.terminology import STRUCTURE, category_of, search, terms

# Not in the context groups of PS3.16; from public SNOMED CT mappings (see "source" in the file).
ELSEWHERE = {
    "Myocardium", "Gluteus maximus muscle", "Gluteus medius muscle", "Gluteus minimus muscle", "Iliopsoas muscle",
    "Deep muscle of back", "Pons", "Hypothalamus", "Infarct", "First rib", "Second rib", "Third rib", "Fourth rib",
    "Fifth rib", "Sixth rib", "Seventh rib", "Eighth rib", "Ninth rib", "Tenth rib", "Eleventh rib", "Twelfth rib",
}  # fmt: skip


def names(text: str, limit: int = 20) -> list[str]:
    return [term.name for term in search(text, limit)]


def test_every_code_is_the_standards_for_that_meaning() -> None:
    known = {(code, meaning) for codes in concepts["SCT"].values() for code, (meaning, _) in codes.items()}
    unknown = {term.name for term in terms() if not term.side and term.code[1:] not in known}
    assert unknown == ELSEWHERE
    plain = [term.code[1] for term in terms() if not term.side]
    assert len(plain) == len(set(plain)) > 200
    assert len({term.name for term in terms()}) == len(terms())


def test_categories_are_those_of_the_standard() -> None:
    known = {
        (code, meaning) for codes in concepts["SCT"].values() for code, (meaning, cids) in codes.items() if 7150 in cids
    }
    assert {term.category[1:] for term in terms()} <= known
    assert category_of(("SCT", "50960005", "Bleeding")) == ("SCT", "49755003", "Morphologically Abnormal Structure")
    assert category_of(None) == category_of(("99X", "1", "?")) == STRUCTURE


def test_a_check_digit_that_does_not_fit_would_be_a_slip() -> None:
    """The last digit of a SNOMED CT identifier is Verhoeff's (SNOMED CT Release File Specifications, 6.3)."""
    assert verhoeff("10200004")
    assert not verhoeff("10200005")
    assert [term.code for term in terms() if not verhoeff(term.code[1])] == []


def verhoeff(number: str) -> bool:
    turn = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = turn[value]
        check = dihedral(check, value)
    return check == 0


def dihedral(a: int, b: int) -> int:
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("liver", "Liver"),
        ("KID", "Kidney"),
        ("left kidney", "Left kidney"),
        ("kidney, right", "Right kidney"),
        ("r hippo", "Right hippocampus"),
        ("LUL", "Upper lobe of lung"),
        ("lobe upper l", "Left upper lobe of lung"),
        ("L5", "L5 vertebra"),
        ("atlas", "C1 vertebra"),
        ("oesophagus", "Esophagus"),
        ("SMA", "Superior mesenteric artery"),
        ("tumour", "Neoplasm"),
        ("rib 7", "Seventh rib"),
        ("hipocampus", "Hippocampus"),
        ("segment viii", "Couinaud hepatic segment VIII"),
    ],
)
def test_what_people_type(text: str, first: str) -> None:
    assert names(text)[0] == first


def test_what_comes_in_pairs_is_offered_of_each_side_in_its_own_shade() -> None:
    one, left, right = search("adrenal gland")
    assert (one.name, left.name, right.name) == ("Adrenal gland", "Left adrenal gland", "Right adrenal gland")
    assert (left.side, right.side, left.code) == ("left", "right", right.code)
    assert left.color != right.color
    assert names("qqqq") == []
    assert len(search("", 7)) == 7


@given(st.text(max_size=30))
def test_any_text_is_answered(text: str) -> None:
    assert len(search(text, 5)) <= 5
