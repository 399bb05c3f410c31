"""A measurement group of a structured report (PS3.16 TID 1410, 1411, 1501) as a finding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.annotations.finding import Finding, FindingAlgorithm, Measurement, Probability, Statement
from viewer.data.terminology import finding_sites, statements
from viewer.io.dicom.export.derived_series import named_uid
from viewer.io.dicom.export.source_attributes import frames_of_slices
from viewer.io.dicom.sr.codes import OWN, READING_ORDER, READINGS, REVIEW_STATE, STATES
from viewer.io.dicom.sr.content_items import (
    NO_CODE,
    children,
    chosen,
    code_in,
    contents,
    name_of,
    number_of,
    points_of,
    reference_of,
    text_of,
)
from viewer.io.dicom.sr.regions import circle_ends, place_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from viewer.data.annotations.finding import FindingState
    from viewer.data.annotations.region import Point, Region
    from viewer.data.arrays import Floats
    from viewer.data.transform import ImageReference
    from viewer.io.dicom.sr.content_items import Contents
    from viewer.scene.findings.finding_list import ReadingOrder

FINDING, TRACKING, TRACKING_UID = "DCM 121071", "DCM 112039", "DCM 112040"
ALGORITHM, VERSION, PARAMETERS = "DCM 111001", "DCM 111003", "DCM 111002"
SITES = ("SCT 363698007", "SRT G-C0E3")
CERTAINTY, DERIVATION, CENTER = ("DCM", "111012"), "DCM 121401", "DCM 111010"
REGIONS = ("DCM 111030", "DCM 121231", "DCM 130488")  # Image Region, Volume Surface, Region in Space
WEIGHTS = "weights SHA-256: "
GROUP_ITSELF = Statement(("DCM", "125007", "Measurement Group"), "测量组")  # of a group that names no finding
THICKNESS = 1.0  # mm, of a region in an image that is not open
MOST_FIGURES = 100  # of one finding


@dataclass(frozen=True)
class Author:
    """Who a report is of. person: its observer; verified_by: who answers for it; "" for nobody.

    alone: no device observed with that person.
    """

    title: str
    person: str
    verified_by: str
    instance: str
    alone: bool


@dataclass(eq=False)
class GroupReader:
    """Reads the groups of one report. image: that it is of, None where that is not open.

    segments: groups whose region is a segment of another file. unread: figures and places that are no numbers.
    unplaced: places that are in no space of the image.
    """

    author: Author
    image: ImageReference | None
    segments: int = 0
    unread: int = 0
    unplaced: int = 0

    def finding(self, items: Contents, number: int) -> tuple[Finding, ReadingOrder]:
        """The finding of a group, and how it was read."""
        figures, probability = self._figures(items)
        point, box = self._place(items)
        algorithm = _algorithm(items)
        state, reader = self._state(items, algorithm is not None or probability is not None)
        uid = next((text_of(one) for one in chosen(items, "UIDREF", TRACKING_UID)), "")
        said = Finding(
            _statement(items),
            probability,
            point,
            box,
            _site(items),
            measurements=figures,
            tracking_id=next((text_of(one) for one in chosen(items, "TEXT", TRACKING)), ""),
            tracking_uid=named_uid(f"{self.author.instance}/{number}"),
            algorithm=algorithm,
            state=state,
            reader=reader,
        )
        try:
            said = replace(said, tracking_uid=uid)
        except ValueError:  # what is no UID tracks nothing
            self.unread += bool(uid)
        reading: ReadingOrder = "at once"
        for order, value in READINGS.items():
            reading = order if _evaluation(items, READING_ORDER) == value else reading
        return said, reading

    def _state(self, items: Contents, computed: bool) -> tuple[FindingState, str]:
        """What a reader made of it, and who. Of others: verified is accepted; what a person saw was added by hand."""
        said = _evaluation(items, REVIEW_STATE)
        own = next((state for state, value in STATES.items() if value == said), None)
        person = self.author.verified_by or self.author.person
        if own in ("accepted", "edited") or (own == "manual" and not computed):
            return own, person
        if own is not None:
            return "unreviewed", ""
        if self.author.verified_by:
            return "accepted", self.author.verified_by
        return ("manual", person) if person and self.author.alone and not computed else ("unreviewed", "")

    def _figures(self, items: Contents) -> tuple[tuple[Measurement, ...], Probability | None]:
        """The measurements, and the certainty of the finding as a probability."""
        figures, probability = list[Measurement](), None
        for item in chosen(items, "NUM"):
            name, told = name_of(item), number_of(item)
            if told is None or not all(name[:2]) or len(figures) >= MOST_FIGURES:
                self.unread += 1
                continue
            share = told[0] / 100 if told[1] == "%" else told[0]
            if name[:2] == CERTAINTY and 0 <= share <= 1:
                probability = Probability(share)
                continue
            how = next((code_in(one, "ConceptCodeSequence")[2] for one in children(item, "CODE", DERIVATION)), "")
            scheme, value, meaning = name
            try:
                figures.append(Measurement((scheme, value, f"{meaning} ({how})" if how else meaning), *told))
            except ValueError:  # a unit that is none
                self.unread += 1
        return tuple(figures), probability

    def _place(self, items: Contents) -> tuple[Point | None, Region | None]:
        """Where it is: its first region that can be placed; the point beside it before its middle."""
        point, box = None, None
        self.segments += any(one.segment for one in map(reference_of, chosen(items, "IMAGE")) if one is not None)
        for item in chosen(items, "", *REGIONS):
            kind, points = str(item.get("GraphicType", "")), self._world(item)
            if points is not None and point is None:
                point, box = place_of("ELLIPSE" if kind == "CIRCLE" else kind, points, self._depth)
        for item in chosen(items, "SCOORD3D", CENTER):
            points = self._world(item)
            point = place_of("POINT", points, 0.0)[0] if points is not None else point
        return point, box

    def _world(self, item: Dataset) -> Floats | None:
        """The coordinates of an item in the patient, LPS mm; None where that cannot be told."""
        points = None
        if item.get("ValueType") == "SCOORD3D":
            frame = str(item.get("ReferencedFrameOfReferenceUID", ""))
            here = self.image.grid.frame_of_reference if self.image else ""
            if here and frame and frame != here:
                self.unplaced += 1
                return None
            points = points_of(item, 3)
            self.unread += points is None
        elif item.get("ValueType") == "SCOORD":
            points = self._in_pixels(item, self.image) if self.image else None
            self.unplaced += points is None
        return points

    def _in_pixels(self, item: Dataset, image: ImageReference) -> Floats | None:
        """Of columns and rows (the middle of the first pixel is 0.5, 0.5: PS3.3 C.18.6) on the slice that it names."""
        flat = points_of(item, 2)
        named = next((one for one in map(reference_of, children(item, "IMAGE")) if one is not None), None)
        if flat is None or named is None:
            return None
        frame = (named.instance, named.frame)
        k = self._slices.get(frame, self._slices.get((named.instance, 0)))
        if k is None:
            return None
        if item.get("GraphicType") == "CIRCLE" and len(flat) == 2:
            flat = circle_ends(flat)
        index = np.column_stack([np.full(len(flat), k), flat[:, 1] - 0.5, flat[:, 0] - 0.5])
        return image.grid.to_world(index)

    @cached_property
    def _slices(self) -> dict[tuple[str, int], int]:
        """Slice of the image by instance and frame (0: its only one)."""
        frames = frames_of_slices(self.image.source, self.image.grid) if self.image else ()
        return {frame: k for k, frame in enumerate(frames)}

    @property
    def _depth(self) -> float:
        """Half the thickness of a slice, mm."""
        return float(self.image.grid.spacing[0]) / 2 if self.image else THICKNESS / 2


def _statement(items: Contents) -> Statement:
    """What is said, in both languages where the program knows it, else in the words of the file."""
    code = next((code_in(one, "ConceptCodeSequence") for one in chosen(items, "CODE", FINDING)), None)
    if code is None or not all(code):
        return GROUP_ITSELF
    return next((one for one in statements() if one.code[:2] == code[:2]), Statement(code, code[2]))


def _site(items: Contents) -> Statement | None:
    """In which part of the body it lies; None where that is not told."""
    code = next((code_in(one, "ConceptCodeSequence") for one in chosen(items, "CODE", *SITES)), NO_CODE)
    if not all(code):
        return None
    return next((one for one in finding_sites() if one.code[:2] == code[:2]), Statement(code, code[2]))


def _algorithm(items: Contents) -> FindingAlgorithm | None:
    """What made it: of the group, or of its first measurement. Nobody knows of others' whether a model was trained."""
    for said in (items, *map(contents, chosen(items, "NUM"))):
        texts = {one.name: text_of(one.item) for one in said if one.kind == "TEXT"}
        if name := texts.get(ALGORITHM, ""):
            told = [text_of(one) for one in chosen(said, "TEXT", PARAMETERS)]
            weights = next((one.removeprefix(WEIGHTS) for one in told if one.startswith(WEIGHTS)), "")
            try:
                return FindingAlgorithm(name, texts.get(VERSION, ""), weights, learned=True)
            except ValueError:
                return FindingAlgorithm(name, texts.get(VERSION, ""), learned=True)
    return None


def _evaluation(items: Contents, name: tuple[str, str]) -> str:
    """The value of an own qualitative evaluation; "" without one."""
    found: Any = next(iter(chosen(items, "CODE", f"{OWN} {name[0]}")), None)
    scheme, value, _ = code_in(found, "ConceptCodeSequence") if found is not None else NO_CODE
    return value if scheme == OWN else ""
