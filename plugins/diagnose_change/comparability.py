"""Whether two images can be held against each other: one patient, two times, one kind of image, well registered."""

from __future__ import annotations

import numpy as np

from viewer.api import InputCheck, Transform, Volume, similarity

ALIKE = 0.6  # normalized cross-correlation; two like scanners have .95, two unlike ones .92 (measured on MS patients)
SAME_SCANNER = 0.93
OVERLAP = 0.5  # of the current image that the prior must show


def check_pair(image: Volume, prior: Volume, transform: Transform | None) -> tuple[InputCheck, ...]:
    """Patient, times, kind of image, registration, in this order; transform: from the current to the prior."""
    kinds = (image.source.modality, prior.source.modality)
    same = None if "" in kinds or "OT" in kinds else kinds[0] == kinds[1]
    return (
        _patient(image, prior),
        _times(image, prior),
        _check("kind of image", same, f"{kinds[0]} and {kinds[1]}", "the two must be of one kind"),
        _registration(image, prior, transform),
    )


def _patient(image: Volume, prior: Volume) -> InputCheck:
    match = image.source.patient_match(prior.source)
    passed = {"same": True, "different": False, "not known": None}[match]
    told = "of one patient" if passed else "the two images are of different patients"
    return _check("patient", passed, told, "choose a prior of the same one")


def _times(image: Volume, prior: Volume) -> InputCheck:
    """The same study twice would show that nothing changed; a prior that is later, the reverse of what happened."""
    series = image.source.series_uid
    if (series and series == prior.source.series_uid) or _equal(image, prior):
        return _check("dates", False, "both images are the same", "choose an earlier study as the prior")
    dates = image.source.study_date, prior.source.study_date
    if not all(dates):
        return _check("dates", None, "", "the prior must be the earlier study")
    told = f"{_iso(dates[1])}, then {_iso(dates[0])}"
    return _check("dates", dates[1] <= dates[0], told, "the prior must be the earlier study: exchange the two")


def _registration(image: Volume, prior: Volume, transform: Transform | None) -> InputCheck:
    try:
        found = similarity(image, prior, transform)
    except ValueError:
        return _check("registration", False, "the two images do not overlap", "register them first")
    scanner = "" if found.ncc >= SAME_SCANNER else "; the scanner or sequence seems to be another: expect false changes"
    told = f"correlation {found.ncc:.3f}, {found.overlap:.0%} of the current image in the prior{scanner}"
    passed = found.ncc >= ALIKE and found.overlap >= OVERLAP
    return _check("registration", passed, told, f"at least {ALIKE:g} and {OVERLAP:.0%} are needed: register them first")


def _equal(image: Volume, prior: Volume) -> bool:
    return image.grid.matches(prior.grid) and np.array_equal(image.array, prior.array)


def _iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}"


def _check(name: str, passed: bool | None, told: str, wanted: str) -> InputCheck:
    head = name[:1].upper() + name[1:]
    if passed is None:
        return InputCheck(name, "unknown", f"{head}: the images do not tell; {wanted}.")
    return (
        InputCheck(name, "passed", f"{head}: {told}.")
        if passed
        else InputCheck(name, "failed", f"{head}: {told}; {wanted}.")
    )
