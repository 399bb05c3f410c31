"""The structures that people have accepted, with the part of the image about each, as a tuning gets them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.box import box_shape, box_size, dilate_box, label_box
from viewer.data.transform import ImageReference
from viewer.io import requests
from viewer.io.errors import OpenError
from viewer.io.reader.reader import load_now
from viewer.plugin.tuning import TuningCase
from viewer.scene.layer import VolumeLayer
from viewer.session.learning.case_split import case_hash
from viewer.session.review.case_images import case_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.data.segmentation import Segment, Segmentation
    from viewer.data.volume import Volume
    from viewer.io.reader.reader import Reader
    from viewer.scene.document import Document
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.scene.worklist import Case, Worklist

LEAST = 30  # voxels of a structure
VOXELS = 1 << 21  # of the image about a structure; of a larger one every second, third … is taken
MARGIN = 1.0  # of the structure's extent, to each side
MOST = 64  # structures in all
PAUSE = 0.05  # seconds between two looks for an answer
NONE = (
    "No correction is accepted yet: accept structures (Ctrl+R), or complete segments or cases, then tune. What has few "
    "voxels only, is in colour, or has no image on its grid does not count."
)


@dataclass(frozen=True, eq=False)
class OpenStructures:
    """A segmentation that is open, and the image that it is of."""

    layer: SegmentationLayer
    volume: Volume

    def cases(self) -> list[TuningCase]:
        """Its accepted structures. Raises ValueError, one sentence, where it is edited meanwhile."""
        generation = self.layer.generation
        found = list(tuning_cases(self.volume, self.layer.segmentation))
        if generation != self.layer.generation:
            raise ValueError(f"{self.layer.name} was edited while its structures were gathered: tune again.")
        return found


def open_structures(document: Document) -> list[OpenStructures]:
    """The segmentations of a session that lie on their image's grid."""
    found = []
    for layer in document.segmentation_layers:
        image = document.find(layer.made_from)
        if isinstance(image, VolumeLayer) and image.loaded >= 1:
            volume = image.volume(layer.drawn_at or 0)
            found += [OpenStructures(layer, volume)] if volume.grid.matches(layer.grid) else []
    return found


def worklist_cases(worklist: Worklist, reader: Reader, tell: Callable[[float], None]) -> list[TuningCase]:
    """The accepted structures of the completed cases of a task list, from their files; drawn ones are accepted, too.

    Blocks. tell: gets the fraction done, a few times a second; it may raise Cancelled. Raises OpenError, one sentence,
    where a file cannot be opened.
    """
    found: list[TuningCase] = []
    completed = [case for case in worklist.cases if case.state == "completed" and case.saved]
    for number, case in enumerate(completed):
        if len(found) < MOST:
            found += _saved_structures(worklist, case, reader, partial(tell, number / len(completed)))
    return found


def accepted(segment: Segment, completed: bool) -> bool:
    """Whether a person has accepted it: a model's, corrected or not; a drawn one that is completed.

    completed: its case is, which holds for what was drawn in it.
    """
    drawn = segment.review == "source" and segment.state != "rejected"
    return segment.review in ("accepted", "corrected") or (drawn and (completed or segment.state == "completed"))


def tuning_cases(volume: Volume, segmentation: Segmentation, completed: bool = False) -> Iterator[TuningCase]:
    """The accepted structures that can be learned from: grey, finite, of several values, not tiny.

    completed: see accepted. Takes some time for large images: not for the main thread.
    """
    chosen = [one for one in segmentation.segments if accepted(one, completed)]
    if volume.color or not chosen:
        return
    case = case_hash(case_identity(volume))
    for segment in chosen:
        labels = segmentation.maps[segment.layer]
        box = label_box(labels, segment.label)
        if box is None:
            continue
        box = dilate_box(box, [int(np.ceil(MARGIN * size)) for size in box_shape(box)], labels.shape)
        step = int(np.ceil((box_size(box) / VOXELS) ** (1 / 3)))
        thin = (slice(None, None, step),) * 3
        image = np.ascontiguousarray(volume.array[box][thin])
        mask = np.ascontiguousarray(labels[box][thin] == segment.label)
        if mask.sum() >= LEAST and np.isfinite(image).all() and image.min() < image.max():
            k, j, i = (float(mm) * step for mm in volume.grid.spacing)
            yield TuningCase(case, image, mask, (k, j, i))


def case_identity(volume: Volume) -> str:
    """Whose an image is: the patient's id, else the study, else, where a file tells nothing, the image itself.

    Images of one patient are one case: they are learned from together, or held back together.
    """
    source = volume.source
    if source.patient_id:
        return f"patient {source.patient_id}"
    if source.study_uid:
        return f"study {source.study_uid}"
    return f"image {hashlib.sha256(np.ascontiguousarray(volume.array).data).hexdigest()}"


def _saved_structures(worklist: Worklist, case: Case, reader: Reader, tell: Callable[[], None]) -> list[TuningCase]:
    tell()
    images = case_images(worklist.root / case.image, worklist.root / case.segmentation, reader)
    volume = load_now(images[0], reader, whole=True)[0]
    saved = _read_labels(worklist.output / case.saved, volume, reader, tell)
    return list(tuning_cases(volume, saved, True)) if saved.grid.matches(volume.grid) else []


def _read_labels(path: Path, volume: Volume, reader: Reader, tell: Callable[[], None]) -> Segmentation:
    """The segments in a file, on the image's grid where they are of it. Blocks. Raises OpenError."""
    answers: list[Segmentation] = []
    failures: list[str] = []
    images = [ImageReference(volume.grid, volume.source)]
    reader.call(requests.read_segmentation, path, images, done=answers.append, failed=failures.append)
    while not (answers or failures):
        tell()
        time.sleep(PAUSE)
    if failures:
        raise OpenError(f"{path.name}: {failures[0]}")
    return answers[0]
