"""What became of lesions between two studies of a patient, as findings and as a table."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from plugins.groups import DIAGNOSIS
from viewer.api import (
    UNMEASURED,
    ChangeLimit,
    Findings,
    InputCheck,
    Job,
    MeasurementTable,
    Range,
    Refusal,
    Segmentation,
    Transform,
    Volume,
    connected_lesions,
    lesion_changes,
    plugin,
    refusal,
    resample_labels,
)

MOST = 2_000


@plugin(
    "Change of lesions", group=DIAGNOSIS, outputs=("findings", "changes", "table"), libraries=("scipy", "SimpleITK")
)
def diagnose_change(
    image: Volume,
    lesions: Segmentation,
    prior: Volume,
    prior_lesions: Segmentation,
    transform: Transform | None,
    job: Job,
    *,
    limit: Annotated[float, Range(0.0, 1000.0)] = 20.0,
    share: Annotated[float, Range(0.0, 2.0)] = 0.3,
    smallest: Annotated[float, Range(0.0, 1000.0)] = 10.0,
) -> tuple[Findings, Segmentation | None, MeasurementTable | None]:
    """Class every lesion as new, enlarged, stable, shrunk, vanished, merged or split, with its volume in both studies.

    The two studies must have been registered. How well they lie over each other comes first, with the checks of the
    input; what is of two patients, of one series, or in the wrong order is refused. No change is claimed below the
    limits. The masks are taken as they are, whoever made them: a lesion that one of them left out seems to come or go.

    Parameters
    ----------
    image
        The current study's image.
    lesions
        Its lesions, on its grid.
    prior
        The earlier study's image, of the same kind.
    prior_lesions
        The lesions of the earlier study, on its grid.
    transform
        Takes points of the current image to points of the prior; without it the two share one space.
    limit
        What a volume must differ by at least, and a new or vanished lesion have: the test-retest limit of what made the
        masks, mm³.
    share
        What a volume must differ by at least, as a share of the prior one.
    smallest
        Lesions of less volume are left out in both studies, mm³.
    """
    from .comparability import check_pair
    from .results import change_findings, change_segments, change_table

    _check_masks((lesions, image), (prior_lesions, prior))
    with job.stage("comparing the two studies"):
        checks = check_pair(image, prior, transform)
        job.progress(0.2)
    if (refused := refusal(checks)) is not None:
        return Findings(checks=checks, refusal=refused), None, None
    cell = float(abs(np.linalg.det(image.grid.affine[:3, :3])))
    with job.stage("laying the prior's lesions over the current study"):
        moved = resample_labels(_held(prior_lesions).astype(np.uint8), prior.grid, image.grid, transform)
        job.progress(0.5)
    least = int(np.ceil(smallest / cell - 1e-6))
    before, now = (connected_lesions(mask, least, most=MOST) for mask in (moved > 0, _held(lesions)))
    job.progress(0.6)
    found = lesion_changes(before, now, cell, ChangeLimit(limit, share))
    said = InputCheck(
        "limit", "passed", f"No change is claimed below {limit:g} mm³ and {share:.0%} of the prior volume."
    )
    segmentation = change_segments(found, before, now, image)
    findings = change_findings(found, segmentation, image.grid, lambda done: job.progress(0.6 + 0.4 * done))
    return Findings(findings, (*checks, said)), segmentation if found else None, change_table(found)


def _check_masks(*pairs: tuple[Segmentation, Volume]) -> None:
    """Raises Refusal where a mask cannot be measured on its image."""
    for mask, image in pairs:
        if not mask.grid.matches(image.grid):
            raise Refusal("a mask does not lie on the grid of its image: resample it onto the image first.")
        if UNMEASURED in image.badges:
            raise Refusal("the size of a pixel is not known: lesions cannot be measured.")


def _held(mask: Segmentation) -> NDArray[np.bool_]:
    """All of its segments together [k, j, i]."""
    return np.asarray(np.any([array > 0 for array in mask.maps], axis=0))
