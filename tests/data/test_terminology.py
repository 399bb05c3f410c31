"""Coded terms: codes that the standard knows, and searches as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts

from viewer.data.terminology import STRUCTURE, category_of, class_term, search, terms, totalsegmentator_classes

# Not in the context groups of PS3.16; from public SNOMED CT mappings (see "source" in the file).
ELSEWHERE = {
    "Myocardium", "Gluteus maximus muscle", "Gluteus medius muscle", "Gluteus minimus muscle", "Iliopsoas muscle",
    "Deep muscle of back", "Pons", "Hypothalamus", "Infarct", "First rib", "Second rib", "Third rib", "Fourth rib",
    "Fifth rib", "Sixth rib", "Seventh rib", "Eighth rib", "Ninth rib", "Tenth rib", "Eleventh rib", "Twelfth rib",
    "S1 vertebra", "Portal vein and splenic vein",
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


def test_classes_of_totalsegmentator_have_the_codes_of_terms() -> None:
    """What is no term here is named; check digits hold; no class has a code that means something else."""
    coded = {name: class_term(name) for name in totalsegmentator_classes()}
    known = {term.code[:2] for term in terms()}
    unknown = {name for name, (_, code, _, _) in coded.items() if code is None or code[:2] not in known}
    assert unknown == {"face", "intervertebral_discs"}
    assert [name for name, (_, code, _, _) in coded.items() if code is None] == ["intervertebral_discs"]
    assert all(verhoeff(code[1]) for _, code, _, _ in coded.values() if code)
    assert len(list(coded)[:117]) == 117
    assert list(coded)[116] == "costal_cartilages"
    assert len({(text, side) for text, _, side, _ in coded.values()}) == len(coded)


@pytest.mark.parametrize(
    ("name", "text", "code", "side"),
    [
        ("kidney_left", "Left kidney", "64033007", "left"),
        ("rib_right_12", "Right twelfth rib", "43993008", "right"),
        ("vertebrae_L5", "L5 vertebra", "49668003", ""),
        ("kidney_cyst_left", "Left kidney cyst", "367643001", "left"),
        ("lung_middle_lobe_right", "Middle lobe of right lung", "72481006", ""),
        ("atrial_appendage_left", "Left atrial appendage", "33626005", ""),
        ("vertebrae_S1", "S1 vertebra", "65985001", ""),
        ("Left Kidney", "Left kidney", "64033007", "left"),
        ("liver", "Liver", "10200004", ""),
        ("cortex", "Cortex", None, ""),
        ("RA", "RA", None, ""),
        ("kidney_upper_pole_left", "Kidney upper pole left", None, ""),
        ("tumour", "Tumour", None, ""),
    ],
)
def test_what_a_class_is_called(name: str, text: str, code: str | None, side: str) -> None:
    found, coded, where, color = class_term(name)
    assert (found, where) == (text, side)
    assert (coded[1] if coded else None) == code
    assert coded is None or coded[0] == "SCT"
    assert (color is not None) == (code is not None and name != "kidney_cyst_left")
