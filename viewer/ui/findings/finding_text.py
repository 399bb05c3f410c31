"""A finding in words: for lists, tool tips, and the details of the chosen one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.data.grid import LETTERS
from viewer.data.printable_text import printable
from viewer.ui.widgets.text_format import number

if TYPE_CHECKING:
    from viewer.data.annotations.finding import Finding, Probability
    from viewer.data.annotations.region import Point
    from viewer.data.grid import Grid
    from viewer.scene.findings.finding_list import FindingEntry, Reviewed

STATES: dict[Reviewed, str] = {
    "unreviewed": "not reviewed",
    "accepted": "accepted",
    "edited": "edited, accepted",
    "rejected": "rejected",
    "manual": "added by hand",
    "refused": "input refused",
}
SHORT = {"Maximum 3D Diameter of a Mesh": "longest diameter"}  # what a reader calls a figure


def state_text(entry: FindingEntry, *, stale: bool) -> str:
    """What a reader made of it; until then by whom it is; and whether its region was changed since."""
    return "region changed since" if stale else entry.mark or STATES[entry.state]


def figure_text(entry: FindingEntry) -> str:
    """Its figures in one line: "0.21 ml · 11 mm"."""
    figures = entry.finding.measurements[:2] if entry.finding else ()
    return " · ".join(f"{number(one.value, 3)} {one.unit}" for one in figures)


def sure_text(entry: FindingEntry) -> str:
    """How sure, in one line; "" where nobody calibrated that."""
    told = entry.finding.probability if entry.finding else None
    return probability_text(told) if told else ""


def probability_text(told: Probability) -> str:
    """The probability with its interval: "82 % (74–88 %)"."""
    interval = f" ({told.interval[0]:.0%}–{told.interval[1]:.0%})".replace("%–", "–") if told.interval else ""
    return f"{told.value:.0%}{interval}".replace("%", " %")


def certainty_text(finding: Finding) -> str:
    """The same in a sentence, with the operating point, or why there is none."""
    told = finding.probability
    if told is None:
        return "No probability: a person found it." if finding.algorithm is None else "No probability was calibrated."
    held = "" if told.operating_point is None else f"; called positive from {told.operating_point:.0%} on"
    return f"Probability {probability_text(told)}{held.replace('%', ' %')}."


def place_text(point: Point | None, grid: Grid) -> str:
    """Where it is in the patient, by sides: "L 8.0, P 25.0, F 11.0 mm".

    From the origin of the image's coordinates, which need not be the middle of the patient.
    """
    if point is None:
        return "of the whole image"
    if not grid.placed:
        return "not placed in the patient"
    sides = (f"{LETTERS[axis][int(mm < 0)]} {abs(mm):.1f}" for axis, mm in enumerate(point))
    return f"{', '.join(sides)} mm"


def algorithm_text(finding: Finding) -> str:
    """What made it: name, version, and the first digits of its weights."""
    made = finding.algorithm
    if made is None:
        return f"added by {finding.reader}" if finding.reader else "added by hand"
    weights = f", weights {made.weights_sha256[:12]}…" if made.weights_sha256 else ", no trained weights"
    return f"{made.name} {made.version}{weights}"


def figure_lines(finding: Finding) -> list[tuple[str, str]]:
    """Every figure by what a reader calls it."""
    return [
        (SHORT.get(one.name[2], one.name[2].lower()), f"{number(one.value, 4)} {one.unit}".removesuffix(" 1"))
        for one in finding.measurements
    ]


def tip_text(entry: FindingEntry) -> str:
    """All of it, a line each."""
    finding = entry.finding
    if finding is None:
        return printable(entry.refusal.sentence) if entry.refusal else ""
    lines = [f"{finding.statement.english} · {finding.statement.chinese}", certainty_text(finding)]
    lines += [f"{name}: {value}" for name, value in figure_lines(finding)]
    lines += [f"Rejected: {finding.reason}"] * bool(finding.reason)
    return "\n".join(printable(line) for line in (*lines, algorithm_text(finding)))
