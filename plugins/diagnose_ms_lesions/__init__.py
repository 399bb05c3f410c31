"""Lesions of multiple sclerosis in FLAIR, one by one, with their sizes and the part of the brain they lie in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugins.groups import DIAGNOSIS
from viewer.api import (
    Annotated,
    Finding,
    Findings,
    InputCheck,
    InputRefusal,
    InputRules,
    Job,
    Range,
    Refusal,
    Segment,
    Segmentation,
    Volume,
    check_input,
    connected_lesions,
    finding_site,
    measure_lesions,
    plugin,
    refusal,
    statement,
)

if TYPE_CHECKING:
    from .prediction import LesionMap

RULES = InputRules(modality=("MR",), body_part=("BRAIN", "HEAD"), slices=(12, 1000), spacing=(0.3, 6.5))
MOST = 2_000
COLOR = (230, 97, 0)
BRAIN, NETWORK = 0.9, 0.97  # of the work
UNSURE = InputCheck("probability", "unknown", "The network's probabilities are not calibrated: none is told.")


@plugin("MS lesions", group=DIAGNOSIS, outputs=("findings", "lesions"), gpu=True, libraries=("scipy",))
def diagnose_ms_lesions(
    image: Volume,
    job: Job,
    *,
    smallest: Annotated[float, Range(0.0, 1000.0)] = 10.0,
    weights: Path | None = None,
) -> tuple[Findings, Segmentation | None]:
    """Find bright lesions of the white matter in FLAIR; each comes with volume, longest diameter and region.

    The brain is found and its structures are told apart first (Segment the brain), then a network that was trained on
    lesions of patients in painted heads looks at it at 1 mm. Regions are those of the criteria for MS: at the
    ventricles, at the cortex, below the tentorium, or deep in the white matter. What is bright for another reason, as
    in small vessel disease, looks the same: no cause is told.

    Parameters
    ----------
    image
        FLAIR of a whole head, with the skull or without, of slices up to 6 mm.
    smallest
        Lesions of less volume are left out, mm³.
    weights
        A safetensors file that plugins/diagnose_ms_lesions/train.py has written, instead of the installed model.
    """
    from plugins.segment_brain.prediction import load_network
    from plugins.segment_brain.segmentation import find_brain

    from .lesion_model import load_lesion_network
    from .prediction import lesion_map

    checks = (*check_input(image, RULES), UNSURE)
    if (refused := refusal(checks)) is not None:
        return Findings(checks=checks, refusal=refused), None
    brain_net, net = load_network(None, job), load_lesion_network(weights, job)  # the last one is who says it
    try:
        brain = find_brain(image, brain_net, job)
        found = lesion_map(brain, net, job, (BRAIN, NETWORK))
    except Refusal as why:
        return Findings(checks=checks, refusal=InputRefusal(str(why), checks)), None
    return _listed(found, checks, smallest, job)


def _listed(
    found: LesionMap, checks: tuple[InputCheck, ...], smallest: float, job: Job
) -> tuple[Findings, Segmentation | None]:
    """Each lesion of smallest mm³ and more as a finding and a segment."""
    from .lesion_regions import BrainRegions
    from .prediction import LIKELY

    brain, grid = found.brain, found.brain.image.grid
    cell = float(abs(np.linalg.det(grid.affine[:3, :3])))
    labels = connected_lesions(found.on_image() > LIKELY, int(np.ceil(smallest / cell - 1e-6)), most=MOST)
    with job.stage("measuring lesions"):
        regions = BrainRegions.of(brain.labels, brain.cube).of_lesions(labels, grid)
        measured = measure_lesions(labels, grid, lambda done: job.progress(NETWORK + (1 - NETWORK) * done))
    findings = tuple(
        Finding(
            statement("ms-plaque"),
            point=lesion.place,
            site=finding_site(regions[label]),
            segment=lesion.region("lesions", (0, label)),
            measurements=lesion.measurements,
            tracking_id=f"Lesion {label}",
        )
        for label, lesion in measured.items()
    )
    segments = tuple(Segment(label, f"Lesion {label}", COLOR, statement("ms-plaque").code) for label in measured)
    made = Segmentation(labels, grid, segments, source=brain.image.source) if findings else None
    return Findings(findings, checks), made
