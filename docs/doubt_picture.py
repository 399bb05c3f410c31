"""The picture of structures by doubt for docs/review.md: a phantom of several structures whose doubts are known."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.ndimage import gaussian_filter

from viewer.compute.labels.doubt import with_doubts
from viewer.compute.labels.doubt_map import doubt_map, entropy
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer, CompositeEdit
from viewer.scene.layer import doubt_layer, volume_layer
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation_layer import segmentation_layer

SIDE, RUNS = 96, 4
MR = Source(modality="MR", patient_id="phantom")
BLOBS = (  # name, middle k j i, radii in voxels, colour, value, how far passes shift it
    ("Thalamus", (48, 48, 34), (14, 14, 9), (0, 158, 115), 0.62, 0.6),
    ("Putamen", (50, 40, 66), (12, 18, 7), (86, 180, 233), 0.70, 0.8),
    ("Hippocampus", (34, 62, 64), (5, 12, 5), (240, 228, 66), 0.52, 2.6),
    ("Brain stem", (12, 58, 48), (14, 9, 10), (213, 94, 0), 0.58, 0.5),
    ("Ventricle", (60, 50, 50), (9, 22, 5), (0, 114, 178), 0.20, 1.2),
    ("Caudate", (64, 30, 36), (8, 9, 5), (204, 121, 167), 0.66, 1.0),
)


def doubt(pictures: Path) -> None:
    """The list with its flags and verdicts, the map over the image, every view at the most doubtful place."""
    from viewer.app import Stage

    with Stage() as stage, TemporaryDirectory() as folder:
        session, window = stage.session, stage.window
        found, map, image = phantom()
        under, made = volume_layer((image,)), doubt_layer(map)
        layer = segmentation_layer(found, under)
        layer.review, layer.given, made.made_from, made.visible = "unreviewed", GivenLabels.of(found), under.id, True
        layer.fill = 0.0
        session.history.do(CompositeEdit("Segment", (AddLayer(under), AddLayer(made), AddLayer(layer))))
        session.state.active = layer.id
        session.review.trail.move_to(Path(folder))  # not the user's own trail
        session.review.trail.reader = "MK"
        session.review.structures.accept(layer, (0, 1))
        session.review.structures.reject(layer, (0, 6))
        window.inspector.setCurrentWidget(window.review)
        at = session.state.crosshair
        window.review.doubt.controller.visit_next()
        stage.until(lambda: session.state.crosshair != at)
        stage.picture(pictures / "review-doubt.png")


def phantom() -> tuple[Segmentation, Volume, Volume]:
    """A segmentation with doubts, its doubt map, and the image, all on one grid of 2 mm voxels."""
    rng = np.random.default_rng(4)
    grid = Grid.of((SIDE,) * 3, (2.0, 2.0, 2.0))
    head = np.where(_inside((48, 48, 48), (46, 45, 38)), 0.42, 0.03)
    soft = np.stack([_inside(middle, radii).astype(float) for _, middle, radii, *_ in BLOBS])
    for mask, (*_, value, _shift) in zip(soft, BLOBS, strict=True):
        head = np.where(mask > 0, value, head)
    answers = [
        np.stack([
            gaussian_filter(np.roll(mask, np.round(rng.normal(0, shift, 3)).astype(int), (0, 1, 2)), 0.6 + shift)
            for mask, (*_, shift) in zip(soft, BLOBS, strict=True)
        ])
        for _ in range(RUNS)
    ]  # fmt: skip
    labels = [_labels(one) for one in answers]
    mean = np.mean(answers, axis=0)
    whole = _labels(mean)
    whole[70:74, 70:76, 30:36] = 3  # an island of the hippocampus
    winner = np.where(whole > 0, mean.max(0), 1 - mean.max(0))
    segments = tuple(Segment(n, name, color) for n, (name, _, _, color, *_) in enumerate(BLOBS, 1))
    made = Provenance("segment_brain", "1", "0.1.0", learned=True, started="2026-11-30T12:00:00+00:00")
    values = Segmentation(whole, grid, segments, "Structures", MR, made)
    usual = {2: (50_000.0, 90_000.0)}
    found = with_doubts(values, labels, entropy(winner), plausible=usual)
    noisy = gaussian_filter(head, 0.7) + rng.normal(0, 0.02, head.shape)
    image = Volume((noisy * 1000).astype(np.int16), grid, "Phantom", source=MR)
    volume = doubt_map(entropy(winner), grid, MR)
    return found, Volume(**{**vars(volume), "provenance": made}), image


def _inside(middle: tuple[int, int, int], radii: tuple[int, int, int]) -> np.ndarray:
    axes = np.ogrid[:SIDE, :SIDE, :SIDE]
    return sum(((axis - at) / radius) ** 2 for axis, at, radius in zip(axes, middle, radii, strict=True)) <= 1


def _labels(soft: np.ndarray) -> np.ndarray:
    return np.where(soft.max(0) > 0.5, soft.argmax(0) + 1, 0).astype(np.uint8)
