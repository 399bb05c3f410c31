"""Prompts in a session: each is one step, obeyed, undone bit for bit, and beside other segments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from viewer.cli.headless_session import HeadlessStage
from viewer.data.annotations.prompts import Prompt
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation.masking import Masking
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.task import Task

SHAPE = (40, 60, 70)
AXES = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
GRID = Grid.of(SHAPE, (2.0, 1.0, 1.0), (-20, 5, 30), AXES)  # oblique
K, J, L = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
BALL = ((K - 20) * 2.0) ** 2 + (J - 28) ** 2 + (L - 25) ** 2 < 14**2
TUBE = ((J - 30) ** 2 + (L - 56) ** 2 < 6**2) & (K >= 0)
NOISE = np.random.default_rng(0).normal(0, 4, SHAPE)
ARRAY = (NOISE + 100 * BALL + 80 * TUBE).astype(np.int16)


def at(k: float, j: float, i: float) -> tuple[float, float, float]:
    """LPS mm of a voxel."""
    x, y, z = GRID.to_world((k, j, i)).tolist()
    return x, y, z


def point(k: float, j: float, i: float, positive: bool = True) -> Prompt:
    return Prompt("point", (at(k, j, i),), positive)


@pytest.fixture
def stage() -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


@pytest.fixture
def image(stage: HeadlessStage) -> VolumeLayer:
    layer = volume_layer((Volume(ARRAY, GRID, "CT"),))
    stage.session.history.do(AddLayer(layer))
    return layer


@pytest.fixture
def layer(stage: HeadlessStage, image: VolumeLayer) -> SegmentationLayer:
    layer = stage.session.segments.new_layer(image)
    stage.session.segments.add(layer, "ball")
    return layer


class Work:
    """Prompts of the first segment, each waited for."""

    def __init__(self, stage: HeadlessStage, layer: SegmentationLayer, image: VolumeLayer) -> None:
        self.stage, self.layer, self.image = stage, layer, image.volume(0)

    @property
    def segment(self) -> Segment:
        return self.layer.segmentation.segments[0]

    @property
    def mask(self) -> np.ndarray:
        return self.layer.segmentation.mask(self.segment)

    def wait(self, task: Task) -> Task:
        self.stage.until(lambda: not task.running)
        return task

    def add(self, prompt: Prompt, masking: Masking | None = None) -> Task:
        prompts = self.stage.session.prompts
        more = {"masking": masking} if masking else {}
        return self.wait(prompts.add(self.layer, self.segment.key, prompt, self.image, **more))

    def remove(self, prompt: Prompt) -> Task:
        return self.wait(self.stage.session.prompts.remove(self.layer, self.segment.key, prompt.id, self.image))


@pytest.fixture
def work(stage: HeadlessStage, layer: SegmentationLayer, image: VolumeLayer) -> Work:
    return Work(stage, layer, image)


def dice(mask: np.ndarray, target: np.ndarray) -> float:
    return float(2 * (mask & target).sum() / (mask.sum() + target.sum()))


def test_a_click_finds_a_structure_and_is_one_step(work: Work) -> None:
    before = len(work.stage.session.history.undo_labels)
    click = point(20, 28, 25)
    assert work.add(click).state == "done"
    assert dice(work.mask, BALL) > 0.9
    assert work.segment.prompts == (click,)
    assert (work.segment.algorithm, work.segment.algorithm_name) == ("SEMIAUTOMATIC", "watershed")
    labels = work.stage.session.history.undo_labels
    assert (len(labels), labels[0]) == (before + 1, "Positive point")


def test_undo_and_redo_give_back_mask_and_prompts_bit_for_bit(work: Work) -> None:
    history, states = work.stage.session.history, [(work.mask.copy(), work.segment)]
    for prompt in (point(20, 28, 25), point(20, 28, 38, positive=False), point(20, 17, 25)):
        assert work.add(prompt).state == "done"
        states.append((work.mask.copy(), work.segment))
    for mask, segment in reversed(states[:-1]):
        history.undo()
        assert np.array_equal(work.mask, mask)
        assert work.segment == segment
    for mask, segment in states[1:]:
        history.redo()
        assert np.array_equal(work.mask, mask)
        assert work.segment == segment


def test_every_prompt_is_obeyed(work: Work) -> None:
    line = tuple(at(20, 28, i) for i in (34, 38, 42))  # beyond the ball's edge
    corner = at(16, 20, 18)
    edges = [at(24, 20, 18), at(16, 36, 18), at(16, 20, 44)]
    lasso = tuple(at(20, 28 + 3 * np.sin(a), 31 + 3 * np.cos(a)) for a in np.linspace(0, 6, 9))
    for prompt in (
        point(20, 28, 25),
        Prompt("scribble", line),
        Prompt("box", (corner, *edges)),
        point(19, 28, 20, positive=False),
        Prompt("lasso", lasso, positive=False),
    ):
        task = work.add(prompt)
        if prompt.kind == "lasso":  # it holds a part of the scribble
            assert (task.state, "scribble" in task.error or "positive" in task.error) == ("failed", True)
        else:
            assert task.state == "done", task.error
        mask = work.mask
        assert mask[20, 28, 25]
        if len(work.segment.prompts) > 1:
            assert mask[20, 28, 34:43].all()
        if len(work.segment.prompts) > 2:
            outside = np.ones(SHAPE, bool)
            outside[16:25, 20:37, 18:45] = False
            assert not mask[outside].any()
        if len(work.segment.prompts) > 3:
            assert not mask[19, 28, 20]


def test_a_prompt_is_deleted_and_the_others_are_asked_again(work: Work) -> None:
    first, wrong = point(20, 28, 25), point(20, 30, 56)
    work.add(first)
    alone = work.mask.copy()
    work.add(wrong)
    assert work.mask[20, 30, 56]
    assert work.remove(wrong).state == "done"
    assert np.array_equal(work.mask, alone)
    assert work.segment.prompts == (first,)
    assert work.remove(first).state == "done"
    assert not work.mask.any()
    assert work.segment.prompts == ()


def test_what_was_there_is_refined_and_comes_back_without_prompts(work: Work) -> None:
    start = ((K - 20) * 2.0) ** 2 + (J - 28) ** 2 + (L - 25) ** 2 < 11**2
    whole = tuple(slice(0, size) for size in SHAPE)
    work.stage.session.segments.apply_mask(work.layer, work.segment.key, start, whole, "Fill")
    click = point(20, 28, 38)
    assert work.add(click).state == "done"
    assert dice(work.mask, BALL) > 0.9
    assert work.remove(click).state == "done"
    assert np.array_equal(work.mask, start)


def test_another_segment_keeps_its_voxels_unless_somebody_says_otherwise(work: Work) -> None:
    segments, layer = work.stage.session.segments, work.layer
    other = segments.add(layer, "neighbour")
    half = BALL & (L >= 25)
    whole = tuple(slice(0, size) for size in SHAPE)
    segments.apply_mask(layer, other.key, half, whole, "Fill")
    assert work.add(point(20, 28, 20)).state == "done"
    assert np.array_equal(layer.segmentation.mask(other), half)
    assert not (work.mask & half).any()
    refused = work.add(point(20, 28, 30))
    assert (refused.state, "protected segment" in refused.error) == ("failed", True)
    assert work.add(point(20, 28, 31), Masking(overlap="allow overlap")).state == "done"
    assert work.mask[20, 28, 31]
    assert np.array_equal(layer.segmentation.mask(layer.segmentation.segments[1]), half)
    before = [layer.segmentation.mask(one).copy() for one in layer.segmentation.segments]
    work.add(point(20, 28, 32), Masking(overlap="replace others"))
    assert not layer.segmentation.mask(layer.segmentation.segments[1])[20, 28, 32]
    work.stage.session.history.undo()
    now = [layer.segmentation.mask(one) for one in layer.segmentation.segments]
    assert all(np.array_equal(one, was) for one, was in zip(now, before, strict=True))


def test_a_long_structure_is_followed_to_its_ends(work: Work) -> None:
    assert work.add(point(20, 30, 56)).state == "done"
    assert work.mask.any(axis=(1, 2)).all()


def test_prompts_given_at_once_wait_for_each_other(work: Work) -> None:
    prompts, key = work.stage.session.prompts, work.segment.key
    given = [point(20, 28, 25), point(20, 28, 37), point(20, 40, 25, positive=False)]
    tasks = [prompts.add(work.layer, key, one, work.image) for one in given]
    for task in tasks:
        work.wait(task)
    assert [task.state for task in tasks] == ["done"] * 3
    assert work.segment.prompts == tuple(given)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (Prompt("point", ((900.0, 0.0, 0.0),)), "outside the image"),
        (point(20, 28, 25, positive=False), "opposite"),
        (Prompt("box", (at(1, 1, 1),) * 4), "no extent"),
    ],
)
def test_a_prompt_that_cannot_be_obeyed_changes_nothing(work: Work, prompt: Prompt, reason: str) -> None:
    work.add(point(20, 28, 25))
    mask, segment, labels = work.mask.copy(), work.segment, work.stage.session.history.undo_labels
    task = work.add(prompt)
    assert (task.state, reason in task.error) == ("failed", True), task.error
    assert np.array_equal(work.mask, mask)
    assert work.segment == segment
    assert work.stage.session.history.undo_labels == labels


def test_a_locked_segment_keeps_what_it_is(work: Work) -> None:
    work.layer.locked = frozenset({work.segment.key})
    task = work.add(point(20, 28, 25))
    assert (task.state, "locked" in task.error) == ("failed", True)
    assert not work.mask.any()


def test_an_edit_under_way_is_not_written_over(work: Work) -> None:
    session = work.stage.session
    task = session.prompts.add(work.layer, work.segment.key, point(20, 28, 25), work.image)
    work.stage.until(lambda: task.state == "running")
    other = session.segments.add(work.layer, "meanwhile")
    corner = tuple(slice(0, 3) for _ in SHAPE)
    session.segments.apply_mask(work.layer, other.key, np.ones((3, 3, 3), bool), corner, "Fill")
    work.wait(task)
    assert task.state == "done", task.error
    assert work.layer.segmentation.mask(work.layer.segmentation.segments[1]).sum() == 27
    assert dice(work.mask, BALL) > 0.9


def test_colour_and_constant_images_are_refused(work: Work) -> None:
    work.image = replace(work.image, array=np.zeros(SHAPE, np.int16))
    task = work.add(point(20, 28, 25))
    assert (task.state, "nothing to tell apart" in task.error) == ("failed", True)
    work.image = replace(work.image, array=np.zeros((*SHAPE, 3), np.uint8))
    task = work.add(point(20, 28, 25))
    assert (task.state, "no grey image" in task.error) == ("failed", True)


def test_a_cancelled_prompt_leaves_nothing(work: Work) -> None:
    tasks = [
        work.stage.session.prompts.add(work.layer, work.segment.key, one, work.image)
        for one in (point(20, 28, 25), point(20, 28, 30))
    ]
    tasks[1].stop()
    for task in tasks:
        work.wait(task)
    assert [task.state for task in tasks] == ["done", "cancelled"]
    assert len(work.segment.prompts) == 1
    late = work.stage.session.prompts.add(work.layer, work.segment.key, point(20, 28, 31), work.image)
    late.stop()
    assert work.wait(late).state == "cancelled"
    assert work.add(point(20, 28, 30)).state == "done"
    assert len(work.segment.prompts) == 2
    assert all(a.id != b.id for a, b in pairwise((*work.segment.prompts, point(0, 0, 0))))


def test_a_mask_says_how_sure_it_is_and_where_not(work: Work) -> None:
    work.add(point(20, 28, 25))
    told = work.segment.mask_doubt
    assert told is not None
    assert 0.5 < (told.doubt.dice or 0) <= 1
    stored, grid = told.map()
    places = grid.to_world(np.argwhere(stored))
    assert len(places)
    assert np.all(np.abs(np.linalg.norm(places - np.array(at(20, 28, 25)), axis=1) - 14) < 8)  # the edge of the ball


def test_the_doubt_is_that_of_the_mask_or_none(work: Work) -> None:
    """A stale one would lead the next click astray."""
    session, first = work.stage.session, point(20, 28, 25)
    work.add(first)
    found = work.segment.mask_doubt
    work.add(point(20, 28, 38, positive=False))
    assert found is not None
    assert work.segment.mask_doubt not in (None, found)
    work.remove(work.segment.prompts[1])
    assert work.segment.mask_doubt == found
    drawn = np.ones((2, 2, 2), bool)
    session.segments.apply_mask(work.layer, work.segment.key, drawn, tuple(slice(2, 4) for _ in SHAPE), "Paint")
    assert work.mask[2, 2, 2]
    assert work.segment.mask_doubt is None
    session.history.undo()
    assert work.segment.mask_doubt == found
    session.segments.change(work.layer, work.segment.key, name="renamed")
    assert work.segment.mask_doubt == found
    work.remove(first)
    assert work.segment.mask_doubt is None


def test_a_neighbour_that_takes_voxels_takes_the_doubt(work: Work) -> None:
    work.add(point(20, 28, 25))
    found = work.segment.mask_doubt
    other = work.stage.session.segments.add(work.layer, "other")
    prompts, over = work.stage.session.prompts, Masking(overlap="replace others")
    work.wait(prompts.add(work.layer, other.key, point(20, 30, 56), work.image, over))
    assert work.segment.mask_doubt == found  # far away
    work.wait(prompts.add(work.layer, other.key, point(20, 28, 27), work.image, over))
    assert not work.mask[20, 28, 27]
    assert work.segment.mask_doubt is None
    assert work.layer.segmentation.segments[1].mask_doubt is not None


def test_the_first_prompt_of_an_image_brings_a_segmentation_in_one_step(stage: HeadlessStage, image: VolumeLayer):
    session, prompts = stage.session, stage.session.prompts
    before = session.history.undo_labels
    new = prompts.first_layer(image)
    key = new.segmentation.segments[0].key
    first = prompts.add(new, key, point(20, 28, 25), image.volume(0))
    assert prompts.first_layer(image) is new  # while it is waited for
    second = prompts.add(prompts.first_layer(image), key, point(20, 28, 34, positive=False), image.volume(0))
    stage.until(lambda: not first.running)
    assert session.document.segmentation_layers == (new,)
    assert session.history.undo_labels == ("Positive point", *before)
    work = Work(stage, new, image)
    work.wait(second)
    assert [one.positive for one in work.segment.prompts] == [True, False]
    after = work.mask.copy()
    session.history.undo()
    session.history.undo()
    assert session.document.segmentation_layers == ()
    session.history.redo()
    session.history.redo()
    assert np.array_equal(work.mask, after)
    assert prompts.first_layer(image) is not new


def test_a_first_prompt_that_is_refused_or_cancelled_leaves_no_segmentation(stage: HeadlessStage, image: VolumeLayer):
    prompts, before = stage.session.prompts, stage.session.history.undo_labels
    for stop in (False, True):
        new = prompts.first_layer(image)
        wrong = point(20, 28, 25) if stop else Prompt("point", ((900.0, 0.0, 0.0),))
        task = prompts.add(new, new.segmentation.segments[0].key, wrong, image.volume(0))
        if stop:
            task.stop()
        stage.until(lambda task=task: not task.running)
        assert task.state == ("cancelled" if stop else "failed")
    assert stage.session.document.segmentation_layers == ()
    assert stage.session.history.undo_labels == before
