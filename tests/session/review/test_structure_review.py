"""Structures of a model's result reviewed one by one, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from viewer.cli.headless_session import HeadlessStage, finish
from viewer.compute.labels.comparison import segment_dices
from viewer.data.box import whole_box
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume
from viewer.io.reports.audit_log import entries
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.session.review.structure_review import (
    find_doubt_map,
    most_doubtful_place,
    next_to_review,
    reviewed_segments,
)
from viewer.settings import state_folder

SHAPE = (8, 24, 24)
PLUGIN = '''
"""Quadrants: labels four blocks, the doubt of each by three passes."""
import numpy as np
from viewer.api import Job, Segment, Segmentation, Volume, doubt_map, entropy, plugin, with_doubts


@plugin("Quadrants", group="Test", outputs=("labels", "doubt"))
def quadrants(image: Volume, job: Job) -> tuple[Segmentation, Volume]:
    """Label four blocks."""
    def blocks(shift):
        labels = np.zeros(image.grid.shape, np.uint8)
        for n, (j, i) in enumerate(((2, 2), (2, 14), (14, 2), (14, 14)), 1):
            labels[2:6, j : j + 8, i + shift * n : i + shift * n + 8] = n
        return labels

    winner = np.ones(image.grid.shape)
    winner[2:6, 2:10, 9:11] = 0.6
    found = Segmentation(blocks(0), image.grid, tuple(Segment(n, f"part {n}") for n in (1, 2, 3, 4)))
    return with_doubts(found, [blocks(0), blocks(0), blocks(1)]), doubt_map(entropy(winner), image.grid, image.source)
'''


@pytest.fixture
def stage(home: Path) -> Iterator[HeadlessStage]:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "quadrants.py").write_text(PLUGIN)
    with HeadlessStage() as stage:
        yield stage


@pytest.fixture
def image(stage: HeadlessStage) -> VolumeLayer:
    layer = volume_layer((Volume(np.zeros(SHAPE, np.int16), Grid.of(SHAPE, (2, 1, 1)), "MR"),))
    stage.session.history.do(AddLayer(layer))
    return layer


@pytest.fixture
def layer(stage: HeadlessStage, image: VolumeLayer) -> SegmentationLayer:
    finish(stage, stage.session.runs.run_plugin("quadrants", {"image": image.id}, {}))
    (layer,) = stage.session.document.segmentation_layers
    return layer


def segment(layer: SegmentationLayer, label: int) -> Segment:
    found = layer.segmentation.segment((0, label))
    assert found is not None
    return found


def state(layer: SegmentationLayer):
    return layer.review, layer.segmentation.segments, layer.segmentation.array.tobytes()


def test_a_result_waits_for_review_with_the_most_doubtful_first(stage, layer) -> None:
    assert [one.name for one in reviewed_segments(layer)] == ["part 4", "part 3", "part 2", "part 1"]
    assert {one.review for one in layer.segmentation.segments} == {"unreviewed"}
    assert segment(layer, 4).doubt.dice == pytest.approx(
        (1 + 2 * 2 * 4 / 14) / 3
    )  # two of the pairs share 4 of 8 and 6 columns
    assert layer.badges == ("processed, not reviewed",)
    assert stage.session.state.active == layer.id


def test_review_walks_on_to_what_is_not_decided_round_and_round(stage, layer) -> None:
    structures = stage.session.review.structures
    assert next_to_review(layer, None).name == "part 4"
    structures.accept(layer, (0, 3))
    assert next_to_review(layer, (0, 4)).name == "part 2"
    assert next_to_review(layer, (0, 1)).name == "part 4"
    for label in (1, 2, 4):
        structures.reject(layer, (0, label))
    assert next_to_review(layer, (0, 1)) is None


def test_an_edited_structure_is_corrected_when_it_is_accepted_and_loses_that_when_it_is_edited_again(stage, layer):
    session = stage.session
    structures, dab = session.review.structures, np.ones((1, 2, 2), bool)
    structures.accept(layer, (0, 1))
    assert (segment(layer, 1).review, segment(layer, 1).reader) == ("accepted", session.review.trail.reader)
    session.segments.apply_mask(layer, (0, 1), dab, (slice(0, 1), slice(0, 2), slice(0, 2)), "Dab")
    assert segment(layer, 1).review == "edited"
    structures.accept(layer, (0, 1))
    accepted = state(layer)
    assert segment(layer, 1).review == "corrected"
    finish(
        stage,
        session.segments.run_effect(layer, "Dab", lambda tell: [((0, 1), dab, (slice(0, 1),) + (slice(4, 6),) * 2)]),
    )
    assert segment(layer, 1).review == "edited"
    session.history.undo()
    assert state(layer) == accepted


def test_a_rejected_structure_loses_its_voxels_in_one_step_and_what_the_model_gave_stays(stage, layer) -> None:
    session = stage.session
    before = state(layer)
    session.review.structures.reject(layer, (0, 2))
    rejected = state(layer)
    assert segment(layer, 2).review == "rejected"
    assert not (layer.segmentation.array == 2).any()
    assert session.history.undo_labels[0] == "Reject part 2"
    with pytest.raises(ValueError, match="was rejected"):
        session.review.structures.accept(layer, (0, 2))
    session.history.undo()
    assert state(layer) == before
    session.history.redo()
    assert state(layer) == rejected
    dices = segment_dices(layer.given.segmentation(layer.grid), layer.segmentation)
    assert dices == {"part 1": 1.0, "part 2": 0.0, "part 3": 1.0, "part 4": 1.0}


def test_what_the_model_gave_can_be_brought_back_without_taking_from_others(stage, layer) -> None:
    session = stage.session
    came = layer.segmentation.array.copy()
    session.review.structures.reject(layer, (0, 2))
    session.segments.apply_mask(
        layer, (0, 1), np.ones((4, 8, 1), bool), (slice(2, 6), slice(2, 10), slice(14, 15)), "Grow"
    )
    finish(stage, session.review.structures.restore(layer, (0, 2)))
    assert segment(layer, 2).review == "unreviewed"
    assert np.array_equal(layer.segmentation.array == 2, (came == 2) & (np.arange(24) > 14))
    layer.locked = frozenset({(0, 2)})
    with pytest.raises(ValueError, match="locked"):
        session.review.structures.reject(layer, (0, 2))


def test_the_mark_goes_with_the_last_verdict_and_the_layers_own_buttons_decide_on_all(stage, layer) -> None:
    session = stage.session
    session.review.structures.accept(layer, (0, 1))
    session.review.decide(layer, "accepted")
    assert {one.review for one in layer.segmentation.segments} == {"accepted"}
    assert layer.badges == ("processed, accepted",)
    session.history.undo()
    assert [one.review for one in layer.segmentation.segments] == ["accepted", *["unreviewed"] * 3]
    assert layer.review == "unreviewed"
    for label in (2, 3, 4):
        session.review.structures.accept(layer, (0, label))
    assert layer.review == "accepted"
    session.review.decide(layer, "unreviewed")
    assert {one.review for one in layer.segmentation.segments} == {"unreviewed"}
    assert layer.review == "unreviewed"


def test_every_verdict_is_in_the_audit_trail(stage, layer) -> None:
    session = stage.session
    session.review.trail.reader = "MK"
    session.review.structures.reject(layer, (0, 1))
    session.history.undo()
    found = [(one.reader, one.facts) for one in entries(state_folder() / "audit.jsonl") if one.what == "structure"]
    verdicts = [("MK", {"segment": "part 1", "verdict": verdict}) for verdict in ("rejected", "unreviewed")]
    assert found == verdicts


def test_the_doubt_map_is_known_and_leads_to_the_most_doubtful_place(stage, layer, image) -> None:
    map = find_doubt_map(stage.session.document, layer)
    assert (map.name, map.colormap, map.visible, map.is_doubt) == (
        "MR – Quadrants, doubt",
        "doubt",
        False,
        True,
    ) or map.is_doubt
    assert map.volumes[0].provenance == layer.segmentation.provenance
    k, j, i = layer.grid.nearest(most_doubtful_place(layer, segment(layer, 1), map))
    assert (2 <= k < 6, 2 <= j < 10, 9 <= i <= 10) == (True, True, True)
    middle = layer.grid.nearest(most_doubtful_place(layer, segment(layer, 4), None))
    assert middle in {(k, j, i) for k in (3, 4) for j in (17, 18) for i in (17, 18)}
    finish(stage, stage.session.runs.run_plugin("quadrants", {"image": image.id}, {}))
    assert find_doubt_map(stage.session.document, layer) is map  # not that of the later run


def test_a_project_keeps_verdicts_doubts_and_what_the_model_gave(stage, layer, tmp_path) -> None:
    session = stage.session
    came = layer.segmentation.array.copy()
    session.review.structures.accept(layer, (0, 1))
    session.review.structures.reject(layer, (0, 2))
    expected = state(layer)
    target = tmp_path / "review.tomolens"
    finish(stage, session.projects.save(target, voxels=True))
    session.clear()
    finish(stage, session.projects.open(target))
    (back,) = session.document.segmentation_layers
    assert state(back) == expected
    assert np.array_equal(back.given.segmentation(back.grid).array, came)
    assert find_doubt_map(session.document, back) is not None


def test_segments_that_no_model_gave_are_not_listed(stage, image) -> None:
    layer = stage.session.segments.new_layer(image)
    stage.session.segments.add(layer, "drawn")
    assert reviewed_segments(layer) == ()
    assert layer.given is None
    box = whole_box((1, 1, 1))
    stage.session.segments.apply_mask(layer, (0, 1), np.ones((1, 1, 1), bool), box, "Dab")
    assert segment(layer, 1).review == "source"
    values = Segmentation(np.zeros(SHAPE, np.uint8), layer.grid, (Segment(1, "drawn"),))
    assert segment_dices(values, layer.segmentation) == {"drawn": 0.0}
