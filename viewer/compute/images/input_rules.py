"""The first half of the input gate: what the header and the values of an image say, held against what a model is for.

A rule passes, fails, or is unknown, where the header does not tell: that is said, never guessed. The confidence of a
network tells nothing of a wrong input; the header does, and takes no time: so it comes before every network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.data.annotations.finding import InputCheck, InputRefusal
from viewer.data.grid import PLANES
from viewer.data.notice import UNMEASURED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.data.annotations.finding import Outcome
    from viewer.data.volume import Volume

Range = tuple[float, float]
NO_AGENT = ("NONE", "NO", "N", "NO CONTRAST", "WITHOUT CONTRAST")  # what scanners write where none was given
UNTOLD_MODALITY = ("", "OT")


@dataclass(frozen=True)
class InputRules:
    """What a model is made for; of what is not named here nothing is asked.

    modality, body_part, view, photometric: DICOM's words, any of them: of (0008,0060), (0018,0015), (0018,5101) and
    (0028,0004). contrast: whether an agent must (True) or must not (False) have been given. spacing: of the voxels in
    each direction, mm, the least and the most. planes: what the slices are. slices: the fewest and the most. values: in
    the image's unit, what the least and the greatest must lie between. burned_in: False where no annotation may be
    burned into the pixels.
    """

    modality: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    contrast: bool | None = None
    view: tuple[str, ...] = ()
    photometric: tuple[str, ...] = ()
    spacing: Range | None = None
    planes: tuple[Literal["axial", "sagittal", "coronal"], ...] = ()
    slices: tuple[int, int] | None = None
    values: Range | None = None
    burned_in: bool | None = None


def check_input(image: Volume, rules: InputRules) -> tuple[InputCheck, ...]:
    """Every rule with its outcome, in the order of the fields of InputRules."""
    return (*_words(image, rules), *_contrast(image, rules), *_geometry(image, rules), *_pixels(image, rules))


def refusal(checks: tuple[InputCheck, ...]) -> InputRefusal | None:
    """Why nothing may be said of the image: the first rule that failed; None where none did."""
    failed = next((check for check in checks if check.outcome == "failed"), None)
    return InputRefusal(failed.sentence, checks) if failed else None


def _words(image: Volume, rules: InputRules) -> Iterator[InputCheck]:
    source = image.source
    modality = "" if source.modality in UNTOLD_MODALITY else source.modality
    for name, told, allowed in (
        ("modality", modality, rules.modality),
        ("body part", source.body_part, rules.body_part),
        ("view", source.view_position, rules.view),
        ("photometric interpretation", source.photometric, rules.photometric),
    ):
        if allowed:
            yield _check(
                name, told.strip().upper() in allowed if told else None, f"it is {told}", f"it must be {_any(allowed)}"
            )


def _contrast(image: Volume, rules: InputRules) -> Iterator[InputCheck]:
    if rules.contrast is None:
        return
    agent = image.source.contrast_agent.strip().upper()
    given = agent not in NO_AGENT
    passed = given == rules.contrast if agent else None
    told = "an agent was given" if given else "no agent was given"
    yield _check("contrast agent", passed, told, f"one must {'' if rules.contrast else 'not '}have been given")


def _geometry(image: Volume, rules: InputRules) -> Iterator[InputCheck]:
    grid = image.grid
    if rules.spacing is not None:
        low, high = float(grid.spacing.min()), float(grid.spacing.max())
        passed = rules.spacing[0] <= low and high <= rules.spacing[1]
        told, wanted = f"it is {low:.3g} to {high:.3g} mm", f"it must be {_range(rules.spacing)} mm"
        yield _check("spacing", None if UNMEASURED in image.badges else passed, told, wanted)
    if rules.planes:
        plane = PLANES[grid.plane_axes.index(0)]
        outcome = plane in rules.planes if grid.placed else None
        yield _check("orientation", outcome, f"slices are {plane}", f"they must be {_any(rules.planes)}")
    if rules.slices is not None:
        count, (fewest, most) = grid.shape[0], rules.slices
        yield _check(
            "number of slices", fewest <= count <= most, f"there are {count}", f"{fewest} to {most} are needed"
        )


def _pixels(image: Volume, rules: InputRules) -> Iterator[InputCheck]:
    if rules.values is not None:
        yield _value_check(image, rules.values)
    if rules.burned_in is False:
        told = image.source.burned_in.strip().upper()
        passed = told == "NO" if told in ("YES", "NO") else None
        yield _check("burned-in annotation", passed, f"the header says {told}", "there must be none")


def _value_check(image: Volume, allowed: Range) -> InputCheck:
    ends = np.array([image.array.min(), image.array.max()], np.float64) * image.slope + image.intercept
    low, high = sorted(ends.tolist())
    passed = allowed[0] <= low < high <= allowed[1]  # False where they are no numbers
    return _check("values", passed, f"they go from {low:.4g} to {high:.4g}", f"they must lie within {_range(allowed)}")


def _check(name: str, passed: bool | None, told: str, wanted: str) -> InputCheck:
    outcome: Outcome = "unknown" if passed is None else "passed" if passed else "failed"
    head = name[:1].upper() + name[1:]
    sentences = {
        "unknown": f"{head}: the image does not tell; {wanted}.",
        "passed": f"{head}: {told}.",
        "failed": f"{head}: {told}, and {wanted}.",
    }
    return InputCheck(name, outcome, sentences[outcome])


def _any(words: tuple[str, ...]) -> str:
    return " or ".join(words)


def _range(ends: Range) -> str:
    return f"{ends[0]:g} to {ends[1]:g}"
