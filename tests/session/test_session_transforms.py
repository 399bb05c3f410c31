"""Runs of registrations: the moving image goes where they put it, while they work and as one edit at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, exported, volume_layer
from viewer.scene.task import Task
from viewer.session.session import Session

GRID = Grid.of((6, 20, 24), (2, 1, 1))
PATIENCE = 300  # seconds
PLUGIN = '''
"""Shift: tells a curve and two places on its way, and waits for a file before it ends."""
import time
from pathlib import Path

import numpy as np
from viewer.api import CurvePoint, Job, Refusal, Transform, Volume, plugin


def shift(mm):
    matrix = np.eye(4)
    matrix[:3, 3] = mm
    return Transform(matrix)


@plugin("Shift", group="Test", outputs=("transform", "registered"))
def shift_register(
    fixed: Volume, moving: Volume, initial: Transform | None, job: Job, *, gate: str = "", fail: bool = False
) -> tuple[Transform, Volume]:
    """Shift by 10 mm from where it starts."""
    start = np.zeros(3) if initial is None else initial.matrix[:3, 3]
    for step, value in enumerate((0.25, 0.5)):
        job.preview(CurvePoint("similarity", value))
        job.preview(shift(start + step + 1))
    while not Path(gate).exists():
        job.progress(0.5)
        time.sleep(0.02)
    if fail:
        raise Refusal("it was told to fail.")
    assert not job.wants("registered")
    return shift(start + 10), None


@plugin("Copy", group="Test")
def copy(image: Volume, other: Volume, job: Job) -> Volume:
    """The first image."""
    job.progress(0.5)
    return image.with_values(image.values())
'''


class Waiting:
    """A session that runs plugins in this process, and a way to wait for it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.session = Session(self._calls.put, in_process=True)
        self.told: list[str] = []
        self.session.messages.added.connect(lambda message: self.told.append(message.text))

    def until(self, ready: Callable[[], object]) -> None:
        while not ready():
            try:
                self._calls.get(timeout=PATIENCE)()
            except Empty:
                pytest.fail("nothing came")

    def ended(self, task: Task) -> Task:
        self.until(lambda: not task.running)
        return task


@pytest.fixture
def waiting(home: Path) -> Iterator[Waiting]:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "shift.py").write_text(PLUGIN)
    waiting = Waiting()
    yield waiting
    waiting.session.close()


@pytest.fixture
def layers(waiting: Waiting) -> tuple[VolumeLayer, VolumeLayer]:
    made = []
    for name in ("fixed", "moving"):
        values = np.random.default_rng(len(name)).integers(0, 999, GRID.shape).astype(np.int16)
        made.append(volume_layer((Volume(values, GRID, name),)))
        waiting.session.history.do(AddLayer(made[-1]))
    return made[0], made[1]


def shifted(mm: float) -> Transform:
    matrix = np.eye(4)
    matrix[:3, 3] = mm
    return Transform(matrix)


def at(layer: VolumeLayer) -> float:
    """How far the layer was moved along x; -1 where it was not."""
    return -1.0 if layer.transform is None else float(layer.transform.matrix[0, 3])


def start(waiting: Waiting, layers: tuple[VolumeLayer, VolumeLayer], gate: Path, **parameters: object) -> Task:
    inputs = {"fixed": layers[0].id, "moving": layers[1].id}
    return waiting.session.runs.run_plugin("shift_register", inputs, {"gate": str(gate), **parameters})


def test_the_moving_image_follows_and_the_result_is_one_edit(waiting, layers, tmp_path) -> None:
    _, moving = layers
    drawn: list[tuple[str, float]] = []
    task = start(waiting, layers, tmp_path / "gate")
    task.curve_grew.connect(lambda curve, value: drawn.append((curve, value)))
    waiting.until(lambda: at(moving) == 2)
    assert waiting.session.history.undo_labels[0] == "Add moving"  # no edit yet
    assert task.curves == {"similarity": [0.25, 0.5]}
    assert drawn == [("similarity", 0.25), ("similarity", 0.5)]
    (tmp_path / "gate").touch()
    assert waiting.ended(task).state == "done", task.error
    assert at(moving) == 10
    assert moving.transform.provenance.plugin == "shift_register"
    assert moving.badges == ("registered, not reviewed",)
    assert task.provenance == moving.transform.provenance
    assert len(waiting.session.document) == 2
    assert waiting.session.history.undo_labels[0] == "Shift"
    waiting.session.history.undo()
    assert moving.transform is None
    waiting.session.history.redo()
    waiting.session.transforms.sign_off(moving, "accepted", "A reader", "fits")
    assert moving.badges == ("registered, accepted",)
    assert exported(moving)[0].badges == ()  # its voxels are saved where its own file puts them
    waiting.session.history.undo()
    assert moving.transform.sign_off is None


@pytest.mark.parametrize("how", ["cancel", "fail"])
def test_what_does_not_end_well_puts_it_back(waiting, layers, tmp_path, how) -> None:
    _, moving = layers
    before = shifted(3)
    waiting.session.transforms.align(moving, before)
    task = start(waiting, layers, tmp_path / "gate", fail=True)
    waiting.until(lambda: at(moving) == 5)  # it starts from the hand alignment
    if how == "cancel":
        task.cancel()
    else:
        (tmp_path / "gate").touch()
    assert waiting.ended(task).state == {"cancel": "cancelled", "fail": "failed"}[how]
    assert moving.transform is before


def test_a_person_who_moves_it_meanwhile_has_the_last_word_until_the_result(waiting, layers, tmp_path) -> None:
    _, moving = layers
    task = start(waiting, layers, tmp_path / "gate")
    waiting.until(lambda: at(moving) == 2)
    by_hand = shifted(77)
    waiting.session.transforms.align(moving, by_hand)
    task.cancel()
    waiting.ended(task)
    assert moving.transform is by_hand


def test_a_fixed_image_that_was_moved_itself_takes_the_result_along(waiting, layers, tmp_path) -> None:
    fixed, moving = layers
    waiting.session.transforms.align(fixed, shifted(100))
    (tmp_path / "gate").touch()
    task = waiting.ended(start(waiting, layers, tmp_path / "gate"))
    assert task.state == "done", task.error
    assert at(moving) == 10  # from the fixed image it starts at -100, and ends 10 further; 100 back to the room


def test_images_of_two_places_are_not_mixed_up(waiting, layers) -> None:
    fixed, moving = layers
    inputs = {"image": fixed.id, "other": moving.id}
    assert waiting.ended(waiting.session.runs.run_plugin("copy", inputs, {})).state == "done"
    waiting.session.transforms.align(moving, shifted(5))
    task = waiting.session.runs.run_plugin("copy", inputs, {})
    assert task.state == "failed"
    assert "resample" in task.error
    both = {"image": moving.id, "other": moving.id}
    waiting.ended(waiting.session.runs.run_plugin("copy", both, {}))
    made = waiting.session.document.volume_layers[-2]
    assert made.transform is moving.transform  # it lies where the image lies that it was made from


def test_resampling_carries_the_place_out(waiting, layers) -> None:
    fixed, moving = layers
    waiting.session.transforms.align(moving, shifted(2))
    task = waiting.ended(waiting.session.runs.resample(moving, fixed, "nearest"))
    assert task.state == "done", task.error
    (made,) = (layer for layer in waiting.session.document.volume_layers if layer.made_from == moving.id)
    assert made.transform is None
    assert np.array_equal(made.volumes[0].array[:5, :18, :22], moving.volumes[0].array[1:, 2:, 2:])
    assert "resampled" in made.badges


def test_a_transform_is_computed_saved_and_loaded(waiting, layers, tmp_path) -> None:
    fixed, moving = layers
    session = waiting.session
    task = session.transforms.align_by(moving, "Fit", lambda: shifted(4))
    assert waiting.ended(task).state == "done"
    session.transforms.sign_off(moving, "rejected", "A reader", "slips")
    saved = waiting.ended(session.transforms.save(moving, fixed, tmp_path / "found.tfm"))
    assert saved.state == "done", saved.error
    again = waiting.ended(session.transforms.save(moving, fixed, tmp_path / "found.tfm"))
    assert again.state == "failed"
    assert "already there" in again.error
    session.transforms.align(moving, None)
    session.transforms.align(fixed, shifted(1))
    loaded = waiting.ended(session.transforms.load(moving, fixed, tmp_path / "found.tfm"))
    assert loaded.state == "done", loaded.error
    assert at(moving) == 5  # by way of the fixed image
    session.transforms.align(fixed, None)
    waiting.ended(session.transforms.load(moving, fixed, tmp_path / "found.tfm"))
    assert moving.transform.sign_off.verdict == "rejected"
    assert any("Saved and verified" in text for text in waiting.told)

    def refuse() -> Transform:
        raise ValueError("There is nothing to fit.")

    refused = waiting.ended(session.transforms.align_by(moving, "Fit", refuse))
    assert (refused.state, refused.error) == ("failed", "There is nothing to fit.")
