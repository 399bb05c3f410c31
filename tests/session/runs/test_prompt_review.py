"""What a trained model finds from prompts is "AI, not reviewed" until a person accepts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.nninteractive import Session, install, write_weights
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.annotations.prompts import Prompt
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.session.review.structure_review import next_to_review, reviewed_segments
from viewer.session.runs.nninteractive import licence

SHAPE = (20, 30, 30)
GRID = Grid.of(SHAPE)
BALL = sum((axis - n // 2) ** 2 for axis, n in zip(np.indices(SHAPE), SHAPE, strict=True)) < 6**2
ARRAY = (np.random.default_rng(0).normal(0, 4, SHAPE) + 100 * BALL).astype(np.int16)
AI, DONE = "AI, not reviewed", "AI-altered, accepted"
DAB = np.ones((1, 2, 2), bool), (slice(1, 2), slice(1, 3), slice(1, 3))


class Reader:
    """Somebody who gives prompts in one segmentation, by a stand-in for nnInteractive."""

    def __init__(self, stage: HeadlessStage, weights: Path) -> None:
        self.session, self.finish, self.until = stage.session, partial(finish, stage), stage.until
        image = volume_layer((Volume(ARRAY, GRID, "CT"),))
        self.session.history.do(AddLayer(image))
        self.layer: SegmentationLayer = self.session.segments.new_layer(image)
        self.image = image.volume(0)
        self.session.segments.add(self.layer, "drawn")
        self.session.segments.apply_mask(self.layer, (0, 1), *DAB, "Paint")
        self.session.segments.add(self.layer, "ball")
        self.session.prompts.nninteractive.accept(weights, licence(weights))
        self.by("nnInteractive")

    def by(self, method: str) -> None:
        self.session.prompts.method = method

    def click(self, i: int = 15, *, key: tuple[int, int] = (0, 2)) -> Segment:
        prompt = Prompt("point", (tuple(GRID.to_world((10, 15, i)).tolist()),))
        self.finish(self.session.prompts.add(self.layer, key, prompt, self.image))
        return self.segment(key)

    def segment(self, key: tuple[int, int] = (0, 2)) -> Segment:
        found = self.layer.segmentation.segment(key)
        assert found is not None
        return found

    @property
    def state(self) -> tuple[object, ...]:
        segmentation = self.layer.segmentation
        return self.layer.review, self.layer.badges, segmentation.segments, segmentation.array.tobytes()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    install(monkeypatch)
    with HeadlessStage() as stage:
        yield Reader(stage, write_weights(tmp_path / "weights"))


def test_what_a_network_finds_waits_for_review_and_says_who_found_it(reader: Reader) -> None:
    before = reader.state
    assert (reader.layer.review, reader.layer.badges) == ("source", ())
    found = reader.click()
    assert (found.review, reader.layer.review, reader.layer.badges) == ("unreviewed", "unreviewed", (AI,))
    assert (found.provenance.model, found.provenance.learned) == ("weights", True)
    assert len(found.provenance.model_sha256) == 64
    assert reader.layer.review_mark(found) == AI
    assert reader.layer.review_mark(reader.segment((0, 1))) == ""  # drawn by hand
    after = reader.state
    reader.session.history.undo()
    assert reader.state == before
    reader.session.history.redo()
    assert reader.state == after


def test_it_is_accepted_loses_that_with_the_next_prompt_and_a_correction_is_told_apart(reader: Reader) -> None:
    structures = reader.session.review.structures
    reader.click()
    structures.accept(reader.layer, (0, 2))
    assert (reader.segment().review, reader.layer.review, reader.layer.badges) == ("accepted", "accepted", (DONE,))
    assert (reader.click(20).review, reader.layer.badges) == ("unreviewed", (AI,))
    reader.session.segments.apply_mask(reader.layer, (0, 2), DAB[0], (slice(5, 6), *DAB[1][1:]), "Paint")
    assert reader.segment().review == "edited"
    structures.accept(reader.layer, (0, 2))
    assert (reader.segment().review, reader.layer.badges) == ("corrected", (DONE,))


def test_a_classical_method_is_a_tool_but_what_the_network_found_stays_marked_under_it(reader: Reader) -> None:
    reader.by("watershed")
    assert (reader.click().review, reader.layer.badges) == ("source", ())
    reader.by("nnInteractive")
    assert reader.click(18).review == "unreviewed"
    reader.by("watershed")
    assert (reader.click(12).review, reader.layer.badges) == ("edited", (AI,))
    prompts, session = reader.segment().prompts, reader.session
    reader.finish(session.prompts.remove(reader.layer, (0, 2), prompts[1].id, reader.image))  # found anew by watershed
    assert (reader.segment().review, reader.segment().provenance, reader.layer.badges) == ("source", None, ())


def test_without_its_prompts_it_is_the_persons_own_again(reader: Reader) -> None:
    drawn, session = reader.segment((0, 1)), reader.session
    assert reader.click(key=(0, 1)).review == "unreviewed"
    reader.finish(session.prompts.clear(reader.layer, (0, 1), reader.image))
    cleared = reader.segment((0, 1))
    assert (cleared.review, cleared.provenance, cleared.base_review) == ("source", None, "source")
    assert cleared.prompts == drawn.prompts
    assert (reader.layer.review, reader.layer.badges) == ("source", ())


def test_a_rejected_one_does_not_reject_what_was_drawn_beside_it(reader: Reader) -> None:
    reader.click()
    reader.session.review.structures.reject(reader.layer, (0, 2))
    assert not (reader.layer.segmentation.array == 2).any()
    assert reader.layer.review == "accepted"
    assert reader.layer in reader.session.saving.unsaved()


def test_networks_are_asked_on_the_graphics_card_and_classical_methods_on_the_processor(reader: Reader) -> None:
    reader.session.prompts.device = "cuda:0"
    assert reader.click().provenance.device == "cuda:0"
    assert str(Session.made[-1].device) == "cuda:0"
    reader.by("watershed")
    assert reader.click(12).algorithm_name == "watershed"


def test_journal_and_project_keep_the_mark(reader: Reader, tmp_path: Path) -> None:
    reader.click()
    session, path = reader.session, tmp_path / "case.tomolens"
    session.history.undo()
    session.history.redo()
    before = reader.state
    reader.finish(session.projects.save(path))
    session.clear()
    reader.finish(session.projects.open(path))
    (reader.layer,) = session.document.segmentation_layers
    assert reader.state == before


@pytest.mark.parametrize("name", ["case.seg.nrrd", "case.dcm", "case.nii.gz"])
def test_a_file_of_it_says_so(reader: Reader, tmp_path: Path, name: str) -> None:
    reader.click()
    reader.finish(reader.session.segment_files.save(reader.layer, tmp_path / name))
    told = b"".join(path.read_bytes() for path in tmp_path.glob("case*"))
    assert AI.encode() in told


@pytest.mark.parametrize("name", ["case.seg.nrrd", "case.dcm"])
def test_a_file_that_is_opened_again_waits_until_somebody_accepts_it(reader: Reader, tmp_path: Path, name: str) -> None:
    reader.click()
    session = reader.session
    reader.finish(session.segment_files.save(reader.layer, tmp_path / name))
    session.layers.remove(reader.layer)
    session.segment_files.open(tmp_path / name)
    reader.until(lambda: bool(session.document.segmentation_layers))
    (reader.layer,) = session.document.segmentation_layers
    assert (reader.layer.review, reader.layer.badges) == ("unreviewed", (AI,))
    assert reader.segment().provenance.model == "weights"
    session.review.structures.accept(reader.layer, (0, 2))
    assert reader.layer.badges == (DONE,)


def test_review_walks_through_what_prompts_found_by_its_doubt(reader: Reader) -> None:
    reader.by("watershed")
    sure = reader.click()
    unsure = reader.click(25, key=(0, 1))
    assert sure.mask_doubt.doubt.rank > unsure.mask_doubt.doubt.rank
    walk: Callable[..., Segment | None] = partial(next_to_review, reader.layer)
    assert [one.name for one in reviewed_segments(reader.layer)] == ["drawn", "ball"]
    assert (walk(None).name, walk((0, 1)).name) == ("drawn", "ball")
    reader.session.review.structures.accept(reader.layer, (0, 1))
    assert (reader.segment((0, 1)).state, reader.segment((0, 1)).review) == ("completed", "source")
    assert walk(None).name == "ball"
    reader.session.review.structures.accept(reader.layer, (0, 2))
    assert walk(None) is None
