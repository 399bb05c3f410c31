"""Every lesion of a mask that somebody else made, drawn or loaded, as a finding with its size."""

from __future__ import annotations

from typing import Literal

import numpy as np

from plugins.groups import DIAGNOSIS
from viewer.api import (
    UNMEASURED,
    Annotated,
    Finding,
    Findings,
    InputCheck,
    InputRefusal,
    Job,
    Range,
    Refusal,
    Segment,
    Segmentation,
    Volume,
    connected_lesions,
    measure_lesions,
    plugin,
    statement,
)

Kind = Literal["lesion", "lesion of brain", "multiple sclerosis plaque"]
CODES: dict[Kind, str] = {
    "lesion": "52988006",
    "lesion of brain": "301766008",
    "multiple sclerosis plaque": "ms-plaque",
}
MOST = 2_000
COLORS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167))  # Okabe, Ito
UNSURE = InputCheck("probability", "unknown", "Nobody calibrated a probability: the mask was given to the program.")


@plugin("Lesion measurement", group=DIAGNOSIS, outputs=("findings", "lesions"), libraries=("scipy",))
def diagnose_lesions(
    image: Volume,
    mask: Segmentation,
    job: Job,
    *,
    kind: Kind = "lesion",
    smallest: Annotated[float, Range(0.0, 1000.0)] = 10.0,
) -> tuple[Findings, Segmentation | None]:
    """List every lesion of a given mask with its volume and its longest diameter, for review one by one.

    The mask may be drawn here or come from a file (DICOM SEG, NIfTI …); all its segments count together. What touches,
    be it at a corner, is one lesion, and each becomes a segment of its own, so that it can be corrected, parted and
    measured again. Volumes are those of the voxels; the longest diameter is the greatest distance between two points of
    the surface, in 3-D and in true millimetres, on oblique and anisotropic grids, too. No model looks at the image:
    there is no probability.

    Parameters
    ----------
    image
        The image that the mask was made on.
    mask
        The lesions, on the image's grid.
    kind
        What is said of each of them.
    smallest
        Lesions of less volume are left out, mm³.
    """
    if not image.grid.matches(mask.grid):
        raise Refusal("the mask does not lie on the image's grid: resample the image onto it first.")
    if UNMEASURED in image.badges:
        return Findings(refusal=InputRefusal("The size of a pixel is not known: lesions cannot be measured.")), None
    job.progress(0.05, "parting lesions")
    held = np.any([array > 0 for array in mask.maps], axis=0)
    cell = float(abs(np.linalg.det(image.grid.affine[:3, :3])))
    labels = connected_lesions(held, int(np.ceil(smallest / cell - 1e-6)), most=MOST)
    job.progress(0.3, "measuring lesions")
    found = measure_lesions(labels, image.grid, lambda done: job.progress(0.3 + 0.6 * done))
    if not found:
        return Findings(checks=(UNSURE,)), None
    said = statement(CODES[kind])
    findings = tuple(
        Finding(
            said,
            point=lesion.place,
            segment=lesion.region("lesions", (0, label)),
            measurements=lesion.measurements,
            tracking_id=f"Lesion {label}",
        )
        for label, lesion in found.items()
    )
    segments = tuple(Segment(label, f"Lesion {label}", COLORS[(label - 1) % len(COLORS)], said.code) for label in found)
    return Findings(findings, (UNSURE,)), Segmentation(labels, image.grid, segments, source=image.source)
