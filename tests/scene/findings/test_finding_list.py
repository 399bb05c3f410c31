from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.annotations.finding import Finding, FindingAlgorithm, InputRefusal
from viewer.data.terminology import statement
from viewer.scene.document import Document
from viewer.scene.findings.edits import add_findings, change_finding, remove_findings
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.history import History

LESION = statement("52988006")


def entry(name: str, *, learned: bool = False, run: str = "run") -> FindingEntry:
    made = FindingAlgorithm("diagnose_x", "1", learned=learned)
    return FindingEntry("image", Finding(LESION, tracking_id=name, algorithm=made), run=run)


def names(document: Document) -> list[str]:
    return [one.name for one in document.findings]


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "change"]), st.integers(0, 20)), max_size=12))
def test_every_step_is_undone_and_done_again(steps: list[tuple[str, int]]) -> None:
    document = Document()
    history, told = History(document), [tuple[FindingEntry, ...]()]
    for verb, number in steps:
        entries = tuple(document.findings)
        if verb == "add":
            history.do(add_findings(document, "Add", [entry(f"{number}.{n}") for n in range(number % 3 + 1)]))
        elif entries and verb == "remove":
            history.do(remove_findings(document, "Remove", entries[number % len(entries) :: 2]))
        elif entries:
            one = entries[number % len(entries)]
            assert one.finding is not None
            history.do(change_finding(document, "Accept", one, replace(one.finding, state="accepted")))
        else:
            continue
        told.append(tuple(document.findings))
    for before in told[-2::-1]:
        history.undo()
        assert tuple(document.findings) == before
    for after in told[1:]:
        history.redo()
        assert tuple(document.findings) == after


def test_many_that_come_are_told_once() -> None:
    document, told = Document(), []
    document.findings.changed.connect(lambda: told.append(len(document.findings)))
    add_findings(document, "Add", [entry(str(n)) for n in range(2000)]).do(document)
    assert told == [2000]
    with pytest.raises(KeyError):
        document.findings.index("nobody")


def test_what_a_reader_sees_until_it_is_reviewed() -> None:
    made, learned = entry("a"), entry("b", learned=True)
    assert (made.mark, learned.mark) == ("processed, not reviewed", "AI, not reviewed")
    assert learned.finding is not None
    accepted = replace(learned, finding=replace(learned.finding, state="accepted"))
    assert (accepted.mark, accepted.state) == ("", "accepted")
    refused = FindingEntry("image", refusal=InputRefusal("It is a CT."), title="Tumour type")
    assert (refused.mark, refused.state, refused.name) == ("", "refused", "Tumour type: refused")
    assert sorted([accepted, learned, refused], key=lambda one: one.review_rank) == [refused, learned, accepted]


def test_an_entry_is_a_finding_or_a_refusal() -> None:
    with pytest.raises(ValueError, match="a finding or a refusal"):
        FindingEntry("image")
    with pytest.raises(ValueError, match="a finding or a refusal"):
        FindingEntry("image", Finding(LESION), InputRefusal("No."))


def test_what_would_be_lost() -> None:
    document = Document()
    assert not document.findings.unsaved
    add_findings(document, "Add", [entry("a")]).do(document)
    assert document.findings.unsaved
    document.findings.saved = tuple(document.findings)
    assert not document.findings.unsaved
