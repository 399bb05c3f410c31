"""What a segment can be called, in codes that other programs know: resources/terminology/segments.json.

What the networks of others call things is told by resources/terminology/totalsegmentator.json, and what a finding can
say by resources/terminology/findings.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from viewer.data.annotations.finding import Statement
from viewer.data.segmentation import Code, Side

FOLDER = Path(__file__).parents[2] / "resources" / "terminology"
FILE, CLASSES = FOLDER / "segments.json", FOLDER / "totalsegmentator.json"
FINDINGS = FOLDER / "findings.json"

Color = tuple[int, int, int]
SIDES: dict[Side, Code] = {"left": ("SCT", "7771000", "Left"), "right": ("SCT", "24028007", "Right")}  # PS3.16 CID 244
ASKED_SIDES: dict[str, Side] = {
    "left": "left",
    "l": "left",
    "lt": "left",
    "right": "right",
    "r": "right",
    "rt": "right",
}
STRUCTURE: Code = ("SCT", "91723000", "Anatomical Structure")


@dataclass(frozen=True)
class Term:
    """What a segment can be called. code: what it is, whichever side. category: of what kind, PS3.16 CID 7150.

    color: r, g, b in 0…255. phrases: what it is found by: its name first, then its synonyms, in lower case and without
    the side.
    """

    name: str
    code: Code
    category: Code
    color: Color
    side: Side
    phrases: tuple[str, ...]


@cache
def terms() -> tuple[Term, ...]:
    """Every term there is; what comes in pairs stands there three times: of no side, left and right."""
    table = json.loads(FILE.read_text(encoding="utf-8"))
    categories: dict[str, Code] = {name: ("SCT", value, text) for name, (value, text) in table["categories"].items()}
    return tuple(term for entry in table["segments"] for term in _terms(entry, categories[entry["category"]]))


def search(text: str, limit: int = 20) -> tuple[Term, ...]:
    """The terms that fit what was typed, the best first: parts of words in any order, a side; slips of the hand."""
    words = text.casefold().replace(",", " ").split()
    side = next((ASKED_SIDES[word] for word in words if word in ASKED_SIDES), "")
    wanted = [word for word in words if word not in ASKED_SIDES]
    candidates = [term for term in terms() if not side or term.side == side]
    if not wanted:
        return tuple(candidates[:limit])
    found = [(rank, term) for term in candidates if (rank := _rank(term, wanted)) is not None]
    if not found:
        near = get_close_matches(
            " ".join(wanted), {phrase for term in candidates for phrase in term.phrases}, n=5, cutoff=0.75
        )
        found = [(near.index(phrase), term) for term in candidates for phrase in term.phrases if phrase in near]
    found.sort(key=lambda one: (one[0], len(one[1].phrases[0]), one[1].phrases[0], one[1].side))
    return tuple(dict.fromkeys(term for _, term in found))[:limit]


@cache
def totalsegmentator_classes() -> dict[str, tuple[str, str, Side]]:
    """What TotalSegmentator calls its classes -> SNOMED CT code (empty where none is known), meaning, side."""
    table = json.loads(CLASSES.read_text(encoding="utf-8"))["classes"]
    return {name: (code, meaning, side) for name, (code, meaning, side) in table.items()}


def class_term(name: str) -> tuple[str, Code | None, Side, Color | None]:
    """What a class of a network's class map is: its name for people, code, side, and colour where there is a term.

    By TotalSegmentator's names of classes, else by the very name of a term with its side in front or behind
    ("Left kidney", "kidney_left"). Synonyms do not count: "cortex" may be that of the brain or the kidney. Without a
    code where nothing fits.
    """
    words = name.replace("_", " ").split()
    code, _, side = totalsegmentator_classes().get(name, ("", "", ""))
    if code:
        found = next((term for term in terms() if (term.code[1], term.side) == (code, side)), None)
    else:
        said: Side = next((ASKED_SIDES[word.casefold()] for word in words if word.casefold() in SIDES), "")
        phrase = " ".join(word for word in words if word.casefold() not in SIDES).casefold()
        found = next((term for term in terms() if term.phrases[0] == phrase and term.side == said), None)
    if found is not None:
        return found.name, found.code, found.side, found.color
    text = " ".join([*([side] if side else []), *(word for word in words if word != side)])
    text = text[:1].upper() + text[1:]
    if not code:
        return text, None, "", None
    return text, ("SCT", code, totalsegmentator_classes()[name][1]), side, None


@cache
def statements() -> tuple[Statement, ...]:
    """What a finding can say, the most general first."""
    return _statements("findings")


def statement(value: str) -> Statement:
    """The statement of that code value. Raises KeyError."""
    return _of_code(statements(), value)


def finding_site(value: str) -> Statement:
    """In which part of the body a finding lies, by its code value. Raises KeyError."""
    return _of_code(finding_sites(), value)


def finding_sites() -> tuple[Statement, ...]:
    """Parts of the body that findings lie in."""
    return _statements("sites")


@cache
def _statements(part: str) -> tuple[Statement, ...]:
    table = json.loads(FINDINGS.read_text(encoding="utf-8"))[part]
    return tuple(Statement((one["scheme"], one["code"], one["meaning"]), one["chinese"]) for one in table)


def _of_code(known: tuple[Statement, ...], value: str) -> Statement:
    found = next((one for one in known if one.code[1] == value), None)
    if found is None:
        raise KeyError(value)
    return found


def category_of(code: Code | None) -> Code:
    """The kind of a coded thing, PS3.16 CID 7150; an anatomical structure where it is not known."""
    return next((term.category for term in terms() if code is not None and term.code[:2] == code[:2]), STRUCTURE)


def _terms(entry: dict[str, Any], category: Code) -> list[Term]:
    name, color = entry["name"], entry["color"]
    code = ("SCT", entry["code"], entry.get("meaning", name))
    phrases = tuple(phrase.casefold() for phrase in (name, *entry.get("synonyms", ())))
    made = [Term(name, code, category, tuple(color), "", phrases)]
    for side in SIDES if entry.get("paired") else ():
        shade = color if side == "right" else [(2 * part + 255) // 3 for part in color]  # told apart, yet alike
        made.append(
            Term(f"{side.capitalize()} {name[0].lower()}{name[1:]}", code, category, tuple(shade), side, phrases)
        )
    return made


def _rank(term: Term, wanted: list[str]) -> int | None:
    """How well a term fits, 0 best; None where it does not. A synonym counts as much less than the name."""
    ranks = [_fit(phrase, wanted) for phrase in term.phrases]
    return min((rank + (number > 0) for number, rank in enumerate(ranks) if rank is not None), default=None)


def _fit(phrase: str, wanted: list[str]) -> int | None:
    text = " ".join(wanted)
    if phrase == text:
        return 0
    if phrase.startswith(text):
        return 2 if phrase.startswith(f"{text} ") else 4
    if all(any(word.startswith(part) for word in phrase.replace("/", " ").split()) for part in wanted):
        return 6
    return 8 if all(part in phrase for part in wanted) else None
