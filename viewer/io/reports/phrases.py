"""What reports are written with, in each language: words, and sentences with slots (resources/reports/phrases.json)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viewer.data.annotations.finding import Finding, Measurement, Statement
    from viewer.data.annotations.region import Point
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.scene.findings.finding_report import Language

FILE = Path(__file__).parents[3] / "resources" / "reports" / "phrases.json"


@dataclass(frozen=True)
class Phrases:
    """The words of one language. What a code has no word for is said by the code's own meaning."""

    html: str  # BCP 47
    language: tuple[str, str, str]  # scheme, value and meaning of its code, PS3.16 CID 5000
    title: str
    notice: str
    unreviewed: Mapping[str, str]
    states: Mapping[str, str]
    reading: Mapping[str, str]
    labels: Mapping[str, str]
    status: Mapping[str, str]
    templates: Mapping[str, str]
    outcomes: Mapping[str, str]
    place: str
    joint: str  # between the parts of an enumeration
    units: Mapping[str, str]  # of UCUM
    measurements: Mapping[str, str]  # by scheme and value

    @property
    def chinese(self) -> bool:
        """Whether statements are said in Chinese."""
        return self.html.startswith("zh")

    def statement(self, statement: Statement) -> str:
        """What is said."""
        return statement.chinese if self.chinese else statement.english

    def mark(self, entry: FindingEntry) -> str:
        """What must stand beside a finding that nobody has decided on; "" for others."""
        learned = entry.algorithm is not None and entry.algorithm.learned
        return self.unreviewed["learned" if learned else "processed"] if entry.mark else ""

    def measured(self, name: tuple[str, str, str]) -> str:
        """What a measurement is called."""
        return self.measurements.get(" ".join(name[:2]), name[2])

    def figure(self, measurement: Measurement) -> str:
        """A measurement with its unit; three digits where it has a fraction."""
        return f"{self.measured(measurement.name)} {_number(measurement.value)} {self.unit(measurement.unit)}".rstrip()

    def unit(self, ucum: str) -> str:
        """A unit as people write it."""
        return self.units.get(ucum, ucum)

    def place_of(self, point: Point) -> str:
        """A place in the patient, LPS mm. No side is named: the origin need not lie in the middle of the body."""
        return self.place.format(*(f"{mm:.1f}" for mm in point))

    def sentence(self, finding: Finding) -> str:
        """What is found, by the template of its kind: with or without figures, at a place or of the whole image."""
        whole = finding.point is None
        kind = f"{'whole image ' * whole}{'measured' * bool(finding.measurements)}".strip()
        return self.templates[kind or "placed"].format(
            statement=self.joint.join(self.statement(one) for one in (finding.statement, finding.site) if one),
            figures=self.joint.join(map(self.figure, finding.measurements)),
            place=self.place_of(finding.point) if finding.point else "",
        )

    def certainty(self, finding: Finding) -> str:
        """The probability in per cent with its interval and operating point; "" without one."""
        said = finding.probability
        if said is None:
            return ""
        parts = [f"{100 * said.value:.1f} %"]
        if said.interval:
            parts.append(f"{self.labels['interval']} {100 * said.interval[0]:.1f}–{100 * said.interval[1]:.1f} %")
        if said.operating_point is not None:
            parts.append(f"{self.labels['operating']} {100 * said.operating_point:.1f} %")
        return self.joint.join(parts)


@cache
def phrases(language: Language) -> Phrases:
    """The words of a language."""
    table = json.loads(FILE.read_text(encoding="utf-8"))[language]
    return Phrases(**{**table, "language": tuple(table["language"])})


def _number(value: float) -> str:
    """Three digits that count, whole numbers as they are; thousands parted."""
    if value == 0 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{min(9, max(0, 2 - math.floor(math.log10(abs(value)))))}f}"
