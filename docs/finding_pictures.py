"""Pictures of the Findings tab for docs/diagnose.md: lesions of the sample; what a made-up model says of a phantom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from doubt_picture import phantom

from viewer.cli.headless_session import find_images, finish
from viewer.cli.inputs import read_labels
from viewer.data.annotations.finding import (
    SALIENCY,
    Finding,
    FindingAlgorithm,
    InputCheck,
    InputRefusal,
    Measurement,
    Probability,
)
from viewer.data.annotations.region import Region
from viewer.data.provenance import Provenance
from viewer.data.terminology import statement
from viewer.data.volume import Volume
from viewer.io.sample.sample import make_sample
from viewer.io.sample.truth import truth_of
from viewer.scene.edits import AddLayer, CompositeEdit
from viewer.scene.findings.edits import add_findings
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.layer import heat_map_layer, volume_layer

MODEL = FindingAlgorithm("made_up_model", "0.1", "0" * 64, learned=True)
CHECKS = (
    InputCheck("modality", "passed", "Modality: it is MR."),
    InputCheck("contrast agent", "unknown", "Contrast agent: the image does not tell; one must have been given."),
)


def findings(pictures: Path) -> None:
    """The sample's lesions measured, some reviewed; then boxes, a heat map and a refusal."""
    from viewer.app import Stage

    with Stage() as stage, TemporaryDirectory() as folder:
        session, panel = stage.session, stage.window.findings
        session.review.trail.move_to(Path(folder))  # not the user's own trail
        session.review.trail.reader = "MK"
        (t1,) = find_images(stage, [make_sample().baseline / "t1"])
        finish(stage, session.studies.load(t1))
        (image,) = session.document.volume_layers
        truth = truth_of(image.source)
        assert truth is not None
        mask = replace(read_labels(stage, truth.lesions), grid=image.grid)
        finish(stage, session.runs.run_plugin("diagnose_lesions", {"image": image.id, "mask": mask}, {}))
        stage.window.inspector.setCurrentWidget(panel)
        panel.controller.step(1)
        panel.controller.accept()
        panel.controller.reject("Vessel or flow")
        stage.picture(pictures / "findings.png")
    with Stage() as stage, TemporaryDirectory() as folder:
        session, panel = stage.session, stage.window.findings
        session.review.trail.move_to(Path(folder))
        under = volume_layer((phantom()[2],))
        heat_map, entries = answer(under.volumes[0], under.id)
        edits = (AddLayer(under), AddLayer(heat_map), add_findings(session.document, "Add", entries))
        session.history.do(CompositeEdit("Diagnose", edits))
        stage.window.inspector.setCurrentWidget(panel)
        panel.controller.visit(entries[1].id)
        panel.controller.flip_heat_map()
        stage.picture(pictures / "findings-heat-map.png")


def answer(image: Volume, image_id: str) -> tuple:
    """What no model said: two boxes with probabilities, where it looked, and an input that it would not have."""
    places = [image.grid.to_world(index) for index in ((48, 48, 34), (60, 50, 50))]
    index = np.moveaxis(np.indices(image.grid.shape), 0, -1)
    saliency = np.exp(-np.square(index - (48, 48, 34)).sum(-1) / 200).astype(np.float32)
    made = Provenance("made_up_model", "0.1", "0", learned=True)
    heat_map = heat_map_layer(Volume(saliency, image.grid, "Heat map", SALIENCY, source=image.source, provenance=made))
    entries = []
    for number, (place, value) in enumerate(zip(places, (0.64, 0.93), strict=True), 1):
        x, y, z = place.tolist()
        finding = Finding(
            statement("301766008"),
            Probability(value, (value - 0.09, value + 0.05), 0.5),
            (x, y, z),
            Region("box", (x, y, z), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (24.0, 30.0), 26.0),
            heat_map=heat_map.id if number == 1 else "",
            measurements=(Measurement(("SCT", "103339001", "Long Axis"), 60.0, "mm"),),
            tracking_id=f"Lesion of brain {number}",
            algorithm=MODEL,
            checks=CHECKS,
        )
        entries.append(FindingEntry(image_id, finding, run="1", title="Made-up model"))
    refusal = InputRefusal("Modality: it is CT, and it must be MR.", (), MODEL)
    return heat_map, [FindingEntry(image_id, None, refusal, run="2", title="Tumour type"), *entries]
