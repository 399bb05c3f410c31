"""The structures of the brain in MR of any contrast, with their volumes and how sure each is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from plugins.groups import SEGMENTATION
from viewer.api import Job, MeasurementTable, Segmentation, Volume, plugin, with_doubts

from .labels import NAMES, SCATTERED, Name, usual_volumes

TRUSTED = 0.7  # expected Dice below which a structure is flagged: see tests/benchmarks/doubt_brain.py
MASKED = 0.9  # of the work is done when the structures are found


@plugin(
    "Segment the brain",
    group=SEGMENTATION,
    outputs=("segmentation", "volumes", "doubt"),
    model="segment-brain",
    gpu=True,
)
def segment_brain(
    image: Volume,
    earlier: Segmentation | None,
    job: Job,
    *,
    structures: tuple[Name, ...] = NAMES,
    doubt: bool = True,
    weights: Path | None = None,
) -> tuple[Segmentation, MeasurementTable, Volume | None]:
    """Label 34 structures of the brain, left and right apart, and the brain as a whole; measure their volumes.

    For MR of any contrast, with the skull or without, of slices up to 6 mm, however it lies on its grid. A network that
    was trained on heads painted in random contrasts (Billot et al., MedIA 2023) takes a first look; an atlas is fitted
    to the image by it (Puonti et al., NeuroImage 143, 2016). Left and right are those of the image's header: no image
    shows whether it was mirrored.

    Parameters
    ----------
    image
        MR of a whole head.
    earlier
        A segmentation of the same image, corrected perhaps: only what is ticked is made anew in a copy of it, and every
        other segment keeps all of its voxels.
    structures
        What is made, on both sides. The brain is a mask of all of it, furrows filled, without the fluid around it.
    doubt
        Do all of it with the mirror image, too, and tell how far each structure can be trusted; a map shows where the
        mean of both is doubtful, from 0 bit, certain, to 1 bit, even odds. It takes half as long again.
    weights
        A safetensors file that plugins/segment_brain/train.py has written, to be used instead of the model that comes
        with the program.
    """
    from .head_image import shown_box
    from .prediction import load_network
    from .segmentation import check_image, find_brain
    from .segments import check_earlier, update
    from .volume_table import volume_table

    check_image(image)
    check_earlier(earlier, image.grid)
    net = load_network(weights, job)
    found = find_brain(image, net, job, mirrored=doubt)
    with job.stage("bringing the structures back"):
        made, sure = found.segmentation(), found.doubt() if doubt else None
        if sure is not None:
            stored = np.asarray(sure.array, np.uint8)
            passes, told = found.pass_labels(), partial(_tell, job)
            made = with_doubts(
                made, passes, stored, plausible=usual_volumes(), scattered=SCATTERED, trusted=TRUSTED,
                shown=shown_box(image.array), tell=told,
            )  # fmt: skip
        result = update(earlier, made, structures)
        return result, volume_table(result), sure


def _tell(job: Job, done: float) -> None:
    """The last part of the work: the structures' doubt."""
    job.progress(MASKED + (1 - MASKED) * done)
