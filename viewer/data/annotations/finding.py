"""Findings: what is said of a place in an image, how sure, why, and what a reader made of it."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal
from uuid import uuid4

from viewer.data.annotations.region import Point, Region
from viewer.data.printable_text import keep_printable
from viewer.data.provenance import Provenance

FindingState = Literal["unreviewed", "accepted", "edited", "rejected", "manual"]
Outcome = Literal["passed", "failed", "unknown"]
DECIDED: tuple[FindingState, ...] = ("accepted", "edited", "rejected", "manual")  # a reader has said what becomes of it
SALIENCY = "{saliency}"  # UCUM annotation; the unit of an image that is a heat map: no probability
UID = re.compile(r"(?=.{1,64}$)[0-2](\.(0|[1-9]\d*))+")  # DICOM PS3.5 9.1
UCUM = re.compile(r"[!-~]+")  # characters that a unit is written with, UCUM §1; "1" for none
SHA256 = re.compile(r"([0-9a-f]{64})?")


def new_uid() -> str:
    """A DICOM UID that nobody else has: a UUID as a number, PS3.5 B.2."""
    return f"2.25.{uuid4().int}"


@dataclass(frozen=True)
class Statement:
    """What is said: code (scheme, value, meaning) and its meaning in Chinese. Raises ValueError where a part is empty.

    Those that the program knows are listed by viewer.data.terminology.
    """

    code: tuple[str, str, str]
    chinese: str

    def __post_init__(self) -> None:
        keep_printable(self, "code", "chinese")
        if not all((*self.code, self.chinese)):
            raise ValueError("a statement has a scheme, a value, and a meaning in English and Chinese.")

    @property
    def english(self) -> str:
        """The meaning of its code."""
        return self.code[2]


@dataclass(frozen=True)
class Probability:
    """How sure a calibrated model is, 0…1, with the interval about it and the operating point that it is held against.

    Raises ValueError, one sentence, for what is no probability, and for an interval that it does not lie in.
    """

    value: float
    interval: tuple[float, float] | None = None
    operating_point: float | None = None

    def __post_init__(self) -> None:
        low, high = self.interval or (self.value, self.value)
        told = (self.value, low, high, 0.0 if self.operating_point is None else self.operating_point)
        if not all(0 <= one <= 1 for one in told):
            raise ValueError("a probability, its interval and its operating point lie between 0 and 1.")
        if not low <= self.value <= high:
            raise ValueError(f"the probability {self.value:g} lies outside of its interval {low:g} to {high:g}.")

    @property
    def margin(self) -> float:
        """How far it is from where the answer would turn: the operating point, even odds where none is told."""
        return abs(self.value - (0.5 if self.operating_point is None else self.operating_point))


@dataclass(frozen=True)
class Measurement:
    """One figure. name: its code (scheme, value, meaning). unit: UCUM. Raises ValueError where one of them is none."""

    name: tuple[str, str, str]
    value: float
    unit: str

    def __post_init__(self) -> None:
        keep_printable(self, "name", "unit")
        if not math.isfinite(self.value):
            raise ValueError(f"the {self.name[2]} of a finding is not a number.")
        if not UCUM.fullmatch(self.unit):
            raise ValueError(f"the unit of the {self.name[2]} is none of UCUM.")


@dataclass(frozen=True)
class SegmentRegion:
    """A region that is a segment's voxels.

    segmentation: name of the run's output that holds it; in a document the id of its layer. key: number of the label
    map, and label. checksum: of the voxels that were measured (packed_mask.mask_checksum): a later change is noticed.
    """

    segmentation: str
    key: tuple[int, int]
    checksum: int


@dataclass(frozen=True)
class FindingAlgorithm:
    """What made a finding. weights_sha256: of its trained weights, "" without any. learned: a trained model had a part.

    Raises ValueError where that is no SHA-256.
    """

    name: str
    version: str
    weights_sha256: str = ""
    learned: bool = False

    def __post_init__(self) -> None:
        keep_printable(self, "name", "version")
        if not SHA256.fullmatch(self.weights_sha256):
            raise ValueError("the weights of an algorithm are told by 64 hexadecimal digits.")


@dataclass(frozen=True)
class InputCheck:
    """One question that an input was asked. unknown: the input does not say; it is never guessed."""

    name: str
    outcome: Outcome
    sentence: str

    def __post_init__(self) -> None:
        keep_printable(self, "name", "sentence")


@dataclass(frozen=True)
class InputRefusal:
    """In place of findings: the input is none that the model was made for, so nothing is said of it.

    sentence: why, for a reader. Raises ValueError without one.
    """

    sentence: str
    checks: tuple[InputCheck, ...] = ()
    algorithm: FindingAlgorithm | None = None

    def __post_init__(self) -> None:
        keep_printable(self, "sentence")
        if not self.sentence:
            raise ValueError("a refusal says in one sentence why.")


@dataclass(frozen=True)
class Finding:
    """One statement about an image, or about a place in it.

    probability: None where nobody calibrated one, as of what a person found. point, box: LPS mm, in the image's own
    space; point is where views go. site: in which part of the body. segment: the region, where that is a mask.
    heat_map: name of the run's output that shows what the model looked at, in a document the id of its layer; ""
    without one. tracking_id, tracking_uid: the same for one lesion from study to study. algorithm: None for what a
    person found. checks: of the input.
    reader: who decided, and reason: why it was rejected. Raises ValueError, one sentence, where these contradict each
    other.
    """

    statement: Statement
    probability: Probability | None = None
    point: Point | None = None
    box: Region | None = None
    site: Statement | None = None
    segment: SegmentRegion | None = None
    heat_map: str = ""
    measurements: tuple[Measurement, ...] = ()
    tracking_id: str = ""
    tracking_uid: str = field(default_factory=new_uid)
    algorithm: FindingAlgorithm | None = None
    checks: tuple[InputCheck, ...] = ()
    state: FindingState = "unreviewed"
    reader: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        keep_printable(self, "tracking_id", "reader", "reason")
        if self.point is not None and not all(map(math.isfinite, self.point)):
            raise ValueError("the place of a finding is not a number.")
        if not UID.fullmatch(self.tracking_uid):
            raise ValueError("the tracking UID of a finding is no DICOM UID.")
        if (self.state == "rejected") != bool(self.reason):
            raise ValueError("a finding is rejected with a reason, and only then has one.")
        if self.state == "manual" and (self.algorithm or self.probability or self.heat_map):
            raise ValueError("what a person found has no algorithm, no probability and no heat map.")

    @property
    def name(self) -> str:
        """What it is called in lists: its tracking identifier, else what is said."""
        return self.tracking_id or self.statement.english

    @property
    def decided(self) -> bool:
        """True where a reader has said what becomes of it."""
        return self.state in DECIDED

    @property
    def review_rank(self) -> tuple[bool, float, float]:
        """What lists are sorted by: not reviewed first, least sure first, where that is not known the smallest."""
        sure = self.probability.margin if self.probability else 0.0
        return self.decided, sure, self.measurements[0].value if self.measurements else 0.0


@dataclass(frozen=True)
class Findings:
    """What a run of a diagnosis plugin found; nothing where it was refused.

    checks: of the input. refusal: why nothing is said. Raises ValueError where a refused run has findings.
    """

    findings: tuple[Finding, ...] = ()
    checks: tuple[InputCheck, ...] = ()
    refusal: InputRefusal | None = None
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        if self.refusal is not None and self.findings:
            raise ValueError("a run that refuses its input has no findings.")

    @property
    def entries(self) -> tuple[Finding | InputRefusal, ...]:
        """The findings, or the refusal in their place."""
        return (self.refusal,) if self.refusal else self.findings

    def made_by(self, provenance: Provenance) -> Findings:
        """The same as a run's, each with its algorithm and the checks of the input, and waiting for review."""
        algorithm = FindingAlgorithm(
            provenance.plugin, provenance.plugin_version, provenance.model_sha256, provenance.learned
        )
        found = tuple(
            replace(one, algorithm=algorithm, checks=self.checks, state="unreviewed", reader="", reason="")
            for one in self.findings
        )
        refusal = self.refusal and replace(self.refusal, algorithm=algorithm, checks=self.refusal.checks or self.checks)
        return replace(self, findings=found, refusal=refusal, provenance=provenance)


def finding_json(one: Finding | InputRefusal) -> dict[str, Any]:
    """One entry of what `run diagnose_… --json` prints: of a refused input nothing but why."""
    if isinstance(one, InputRefusal):
        nothing = dict.fromkeys(("statement", "code", "probability", "interval", "heat_map"))
        return {**nothing, "refused": one.sentence, "checks": [asdict(check) for check in one.checks]}
    probability, told = one.probability, asdict(one)
    kept = ("point", "box", "segment", "tracking_id", "tracking_uid", "algorithm", "checks", "state", "reason")
    return {
        "statement": one.statement.english,
        "statement_chinese": one.statement.chinese,
        "code": dict(zip(("scheme", "value", "meaning"), one.statement.code, strict=True)),
        "probability": probability and probability.value,
        "interval": probability and probability.interval,
        "operating_point": probability and probability.operating_point,
        "refused": None,
        "heat_map": one.heat_map or None,
        "site": one.site and one.site.english,
        "measurements": [
            {"name": figure.name[2], "code": list(figure.name[:2]), "value": figure.value, "unit": figure.unit}
            for figure in one.measurements
        ],
        **{name: told[name] for name in kept},
    }
