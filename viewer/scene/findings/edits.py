"""The one edit of findings: several come, change or go as one step of the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from viewer.data.annotations.finding import Finding
from viewer.scene.document import Document
from viewer.scene.edits import Edit
from viewer.scene.findings.finding_list import FindingChange, FindingEntry


@dataclass(frozen=True, eq=False)
class ChangeFindings:
    """Entries that come, become others, or go. label: for the undo menu."""

    label: str
    changes: tuple[FindingChange, ...]
    size = 0

    def do(self, document: Document) -> None:
        """Make the changes, in order."""
        document.findings.apply(self.changes)

    def undo(self, document: Document) -> None:
        """Take them back, the last one first."""
        document.findings.apply(change.reverse for change in reversed(self.changes))

    def merge(self, later: Edit) -> Edit | None:
        """None: each is a step of its own."""
        return None


def add_findings(document: Document, label: str, entries: Iterable[FindingEntry]) -> ChangeFindings:
    """The edit that adds entries at the end of the list."""
    first = len(document.findings)
    return ChangeFindings(label, tuple(FindingChange(None, one, first + n) for n, one in enumerate(entries)))


def remove_findings(document: Document, label: str, entries: Iterable[FindingEntry]) -> ChangeFindings:
    """The edit that removes entries, the last one first. Raises KeyError for one that is not there."""
    places = sorted(((document.findings.index(one.id), one) for one in entries), key=lambda pair: -pair[0])
    return ChangeFindings(label, tuple(FindingChange(one, None, place) for place, one in places))


def change_finding(document: Document, label: str, entry: FindingEntry, finding: Finding) -> ChangeFindings:
    """The edit that gives an entry another finding."""
    after = replace(entry, finding=finding)
    return ChangeFindings(label, (FindingChange(entry, after, document.findings.index(entry.id)),))
