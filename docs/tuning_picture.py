"""The picture of learning from corrections: a model tuned on phantoms for some minutes, beside the one that it was."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from doubt_picture import phantom

from viewer.compute.networks.model_cards import CARD, cards
from viewer.data.segmentation import Segmentation
from viewer.scene.edits import AddLayer, CompositeEdit
from viewer.scene.layer import volume_layer
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.session.runs.prompts import MODEL
from viewer.settings import models_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.app import Stage

STATE = Path(__file__).parents[1] / "resources" / "training" / "segment-prompt.safetensors"
PATIENTS = {"phantom A": (), "phantom B": (1,), "phantom C": (0, 1)}  # along which axes the phantom is mirrored
MINUTES = 4.0


def tuning(pictures: Path) -> None:
    """Three cases whose structures are accepted; tuned on them; both columns of the comparison."""
    from viewer.app import Stage

    with _own_models(), Stage() as stage, TemporaryDirectory() as folder:
        session, review = stage.session, stage.window.review
        session.review.trail.move_to(Path(folder))  # not the user's own trail
        session.review.trail.reader = "MK"
        for patient, mirrored in PATIENTS.items():
            accept(stage, patient, mirrored)
        stage.window.inspector.setCurrentWidget(review)
        stage.until(lambda: session.models.known)
        at = session.state.crosshair
        review.doubt.controller.visit((0, 3))
        stage.until(lambda: session.state.crosshair != at)
        task = session.learning.tune(minutes=MINUTES)
        stage.until(lambda: not task.running and bool(session.learning.tuned))
        review.verticalScrollBar().setValue(review.learning.y() - 40)
        stage.picture(pictures / "review-tuning.png")


def accept(stage: Stage, patient: str, mirrored: tuple[int, ...]) -> None:
    """Open a case whose structures a reader has accepted; those before it are hidden."""
    session = stage.session
    for layer in session.document:
        layer.visible = False
    found, _, image = phantom()
    source = replace(image.source, patient_id=patient)
    labels, values = (np.ascontiguousarray(np.flip(one.array, mirrored)) for one in (found, image))
    segments = tuple(replace(one, doubt=None, review="accepted") for one in found.segments)
    under = volume_layer((replace(image, array=values, name=patient, source=source),))
    layer = segmentation_layer(Segmentation(labels, found.grid, segments, f"of {patient}", source), under)
    session.history.do(CompositeEdit("Open", (AddLayer(under), AddLayer(layer))))
    session.state.active = layer.id


@contextmanager
def _own_models() -> Iterator[None]:
    """A folder of nobody's models. Where the program has no model of prompts yet, the state of its training is one."""
    from safetensors.torch import save

    from plugins.segment_prompt.train import read_state

    before = os.environ.get("TOMOLENS_HOME")
    with TemporaryDirectory() as home:
        os.environ["TOMOLENS_HOME"] = home
        try:
            if MODEL not in {card.name for card in cards()}:
                weights = save({name: one.half().contiguous() for name, one in read_state(STATE, "average")[0].items()})
                _write(models_folder() / MODEL, weights)
            yield
        finally:
            if before is None:
                del os.environ["TOMOLENS_HOME"]
            else:
                os.environ["TOMOLENS_HOME"] = before


def _write(folder: Path, weights: bytes) -> None:
    network = {"class": "plugins.segment_prompt.network:PromptNet", "arguments": {}}
    card = {
        "name": MODEL, "version": "0", "title": "State of a training", "task": "segmentation", "summary": "",
        "licence": "Apache-2.0", "weights": "weights.safetensors", "sha256": hashlib.sha256(weights).hexdigest(),
        "network": network, "input": {}, "output": {}, "labels": {}, "training": {}, "gates": [], "metrics": {},
        "intended_use": "Pictures.", "limits": [], "parameters": 0,
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    (folder / card["weights"]).write_bytes(weights)
