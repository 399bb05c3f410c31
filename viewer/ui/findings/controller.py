"""What the Findings tab does: go to a finding, decide on it, hide all that algorithms made. Keys call the same."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.scene.active_image import active_image
from viewer.scene.findings.visibility import open_entries, seen_entries
from viewer.scene.layer import VolumeLayer
from viewer.scene.task import Message
from viewer.session.review.finding_review import changed_regions, segment_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.data.annotations.finding import Finding, Statement
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.session.background import BackgroundCall
    from viewer.ui.segments.controller import SegmentsController

DONE = "Every finding has been reviewed."


class FindingsController:
    """changed: other findings, another one chosen, AI hidden or shown, or a region that is no longer as measured."""

    changed = Signal()

    def __init__(self, segments: SegmentsController) -> None:
        self.segments, self.session, self.state = segments, segments.session, segments.state
        self.review = self.session.review.findings
        self._stale: dict[str, frozenset[str]] = {}  # by segmentation: ids of findings whose region was changed
        self._looked: dict[str, tuple[int, tuple[FindingEntry, ...]]] = {}  # at which generation, for which findings
        self._checks: dict[str, BackgroundCall[float, frozenset[str]]] = {}
        document, events = self.session.document, self.state.events
        for signal in (document.inserted, document.removed, document.findings.changed, events.show_ai, events.finding):
            signal.connect(self._tell)
        self.session.history.changed.connect(self._look)
        self._look()

    # ---- what is meant
    @property
    def entries(self) -> tuple[FindingEntry, ...]:
        """Those that may be seen, by review need: refusals, then what is not reviewed, the least sure first."""
        return tuple(sorted(seen_entries(self.session.document, self.state), key=lambda one: one.review_rank))

    @property
    def entry(self) -> FindingEntry | None:
        """The chosen one."""
        return next((one for one in self.entries if one.id == self.state.finding), None)

    @property
    def finding(self) -> Finding | None:
        """What the chosen one says; None for a refusal."""
        return self.entry.finding if self.entry else None

    @property
    def is_hiding(self) -> bool:
        """Whether there are findings of algorithms that are not shown."""
        return not self.state.show_ai and any(one.algorithm for one in open_entries(self.session.document))

    @property
    def decided(self) -> int:
        """How many of those that are seen a reader has decided on."""
        return sum(one.finding is not None and one.finding.decided for one in self.entries)

    @property
    def image(self) -> VolumeLayer | None:
        """The image of the chosen finding; without one the image that is seen."""
        found = self.session.document.find(self.entry.image) if self.entry else None
        return found if isinstance(found, VolumeLayer) else active_image(self.session.document, self.state)

    @property
    def region(self) -> SegmentationLayer | None:
        """The segmentation that holds the chosen one's region."""
        return segment_layer(self.session.document, self.entry) if self.entry else None

    @property
    def heat_map(self) -> VolumeLayer | None:
        """What the model looked at, where the chosen one has a map."""
        found = self.session.document.find(self.finding.heat_map) if self.finding else None
        return found if isinstance(found, VolumeLayer) else None

    def is_stale(self, entry: FindingEntry) -> bool:
        """Whether its region is no longer what was measured; of a rejected one that is no matter."""
        return entry.state != "rejected" and any(entry.id in ids for ids in self._stale.values())

    # ---- where to look
    def visit(self, entry_id: str) -> None:
        """Choose a finding; its image is shown, every view goes to its place, its region is the chosen segment."""
        self.state.finding = entry_id
        entry, finding, image, layer = self.entry, self.finding, self.image, self.region
        if entry is None or finding is None or image is None:
            return
        if not image.visible:  # another patient's may be on the screen: nothing is said of what is not seen
            self.session.layers.show(image, overlay=False)
        if layer is not None and finding.segment is not None:
            layer.visible, layer.active = True, finding.segment.key
        if finding.point is not None:
            self.state.crosshair = image.world_place(finding.point)

    def step(self, steps: int) -> None:
        """Go on in the list, round and round; at first to its top."""
        ids = [one.id for one in self.entries]
        if ids:
            place = ids.index(self.state.finding) + steps if self.state.finding in ids else 0
            self.visit(ids[place % len(ids)])

    def visit_next(self) -> None:
        """Go to the first that is not reviewed, but for the chosen one."""
        waiting = [one for one in self.entries if one.finding is not None and not one.finding.decided]
        other = next((one for one in waiting if one.id != self.state.finding), next(iter(waiting), None))
        if other is None:
            self.session.messages.add(Message(DONE))
        else:
            self.visit(other.id)

    def flip_ai(self) -> None:
        """Hide all that algorithms made, or show it; that a reader asked for it is noted."""
        self.state.show_ai = not self.state.show_ai
        if self.state.show_ai and any(one.reading == "after own look" for one in self.entries):
            self.session.review.trail.note("findings", verdict="shown on request")

    def flip_heat_map(self) -> None:
        """Show the chosen one's heat map over the image, or hide it."""
        if (map := self.heat_map) is not None:
            map.visible = not map.visible

    def set_threshold(self, share: float) -> None:
        """Show of the heat map what lies above a share (0…1) of its greatest value."""
        if (map := self.heat_map) is not None:
            volume = map.volumes[0]
            top = float(volume.array.max()) * volume.slope + volume.intercept
            lower = min(share, 0.99) * top
            map.window = replace(map.window, center=(lower + top) / 2, width=max(top - lower, 1e-6))

    # ---- verdicts on the chosen one
    def accept(self) -> None:
        """Accept it, and go on to the next."""
        if self.entry is not None and self._try(partial(self.review.accept, self.entry)):
            self.visit_next()

    def reject(self, reason: str) -> None:
        """Reject it for a reason, and go on to the next."""
        if self.entry is not None and self._try(partial(self.review.reject, self.entry, reason)):
            self.visit_next()

    def restate(self, statement: Statement) -> None:
        """Have it say something else."""
        if self.entry is not None:
            self.review.restate(self.entry, statement)

    def measure_again(self) -> None:
        """Take over its region as it is now."""
        if self.entry is not None:
            self.review.measure_again(self.entry)

    def choose_region(self) -> bool:
        """Make its region the segment that tools change; False where it has none."""
        layer, finding = self.region, self.finding
        if layer is None or finding is None or finding.segment is None:
            return False
        self.segments.choose_layer(layer)
        layer.active = finding.segment.key
        return True

    def remove(self) -> None:
        """Take it out of the list."""
        if self.entry is not None:
            self.review.remove(self.entry)

    def remove_run(self) -> None:
        """Take out all that its run brought."""
        if self.entry is not None:
            self.review.remove_run(self.entry.run)

    def add(self, statement: Statement) -> None:
        """Add a finding of the reader's own at the cross-hair."""
        image = active_image(self.session.document, self.state)
        if image is None:
            self.session.messages.warn("There is no image to say something of: show one first.")
            return
        self.state.finding = self.review.add(image, self.state.crosshair, statement).id

    # ---- within
    def _try(self, verb: Callable[[], None]) -> bool:
        try:
            verb()
        except ValueError as error:
            self.session.messages.warn(str(error))
            return False
        return True

    def _look(self) -> None:
        """After every step: hold the regions against what was measured, where one of the two is another by now."""
        for layer in self.session.document.segmentation_layers:
            entries = tuple(
                one
                for one in self.session.document.findings
                if one.finding and one.finding.segment and one.finding.segment.segmentation == layer.id
            )
            looked = layer.generation, entries
            if self._looked.get(layer.id, (layer.generation, ())) != looked:
                self._looked[layer.id] = looked
                self._check(layer, entries)

    def _check(self, layer: SegmentationLayer, entries: tuple[FindingEntry, ...]) -> None:
        """In the background; an earlier look is dropped."""
        if layer.id in self._checks:
            self._checks[layer.id].stop()
        self._checks[layer.id] = self.session.background.call(
            "measure", lambda tell: changed_regions(layer, entries), partial(self._checked, layer.id)
        )

    def _checked(self, layer_id: str, changed: frozenset[str]) -> None:
        if self._stale.get(layer_id, frozenset()) != changed:
            self._stale[layer_id] = changed
            self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()
