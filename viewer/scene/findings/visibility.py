"""What of the findings is seen: all of it, or nothing that an algorithm made while a reader looks without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.data.provenance import is_learned

if TYPE_CHECKING:
    from viewer.scene.document import Document
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.scene.view_state import ViewState


def open_entries(document: Document) -> tuple[FindingEntry, ...]:
    """The entries whose image is open, seen or not."""
    images = {layer.id for layer in document.root.volume_layers}
    return tuple(entry for entry in document.root.findings if entry.image in images)


def seen_entries(document: Document, state: ViewState) -> tuple[FindingEntry, ...]:
    """Those that may be seen now: what persons found alone, while algorithms are hidden."""
    return tuple(entry for entry in open_entries(document) if state.show_ai or entry.algorithm is None)


def hidden_layers(document: Document, state: ViewState) -> frozenset[str]:
    """Ids of the layers that are not drawn while algorithms are hidden: regions, heat maps, segments of models."""
    if state.show_ai:
        return frozenset()
    root, hidden = document.root, set[str]()
    for finding in (entry.finding for entry in root.findings if entry.algorithm is not None):
        if finding is not None:
            hidden |= {finding.heat_map, finding.segment.segmentation if finding.segment else ""}
    learned = (one for one in root.segmentation_layers if is_learned(one.segmentation.provenance, one.badges))
    return frozenset(hidden | {layer.id for layer in learned})
