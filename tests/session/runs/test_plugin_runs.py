"""Runs under the real engine: previews while one works, and what is left of them when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.preview.result_preview import BADGE
from viewer.scene.task import Task
from viewer.session.session import Session

SHAPE = (40, 64, 64)
PATIENCE = 300  # seconds for an engine to start on a busy machine
PLUGIN = '''
"""Slabs: finishes an image in two halves, and waits for a file before the second."""
import time
from pathlib import Path

import numpy as np
from viewer.api import Job, Preview, Refusal, Volume, plugin


@plugin("Slabs", group="Test")
def slabs(image: Volume, job: Job, *, gate: str = "", fail: bool = False, odd: bool = False) -> Volume:
    """Add one.

    Parameters
    ----------
    gate
        The file to wait for.
    fail
        Whether to give up then.
    odd
        Whether the previews fit nothing.
    """
    values = image.values() + 1
    half = len(values) // 2
    with job.stage("first half"):
        job.preview("no preview" if odd else Preview(0, values[:half]))
        time.sleep(0.3)
        job.preview(Preview(half, values[:, :1] if odd else values[half:-2]))
        while not Path(gate).exists():
            job.progress(0.5)
            time.sleep(0.02)
    if fail:
        raise Refusal("it was told to fail.")
    return image.with_values(values)
'''


class Waiting:
    """A session on the real engine, and a way to wait for it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.session = Session(self._calls.put)

    def until(self, ready: Callable[[], object]) -> None:
        while not ready():
            try:
                self._calls.get(timeout=PATIENCE)()
            except Empty:
                pytest.fail("nothing came")


@pytest.fixture
def waiting(home: Path) -> Iterator[Waiting]:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "slabs.py").write_text(PLUGIN)
    waiting = Waiting()
    yield waiting
    waiting.session.close()


@pytest.fixture
def image(waiting: Waiting) -> VolumeLayer:
    ramp = (np.arange(np.prod(SHAPE)) % 4096).astype(np.int16).reshape(SHAPE)
    layer = volume_layer((Volume(ramp, Grid.of(SHAPE), "CT", "HU", slope=0.5, intercept=-10.0),))
    waiting.session.history.do(AddLayer(layer))
    return layer


def run(waiting: Waiting, image: VolumeLayer, gate: Path, **parameters: object) -> Task:
    return waiting.session.runs.run_plugin("slabs", {"image": image.id}, {"gate": str(gate), **parameters})


def previewed(waiting: Waiting) -> list[VolumeLayer]:
    return [layer for layer in waiting.session.document.shown if BADGE in layer.badges]


def wait_for_both_slabs(waiting: Waiting) -> VolumeLayer:
    waiting.until(lambda: any(layer.loaded > 0.5 for layer in previewed(waiting)))
    (preview,) = previewed(waiting)
    return preview


def test_slabs_are_seen_while_it_works_and_the_result_takes_their_place(waiting, image, tmp_path):
    session, gate = waiting.session, tmp_path / "gate"
    task = run(waiting, image, gate)
    preview = wait_for_both_slabs(waiting)
    assert task.running
    assert task.device == "cpu"
    values = preview.volumes[0].values()
    assert np.array_equal(values[:38], image.volumes[0].values()[:38] + 1)
    assert np.isnan(values[38:]).all()
    assert list(session.document) == [image]
    assert session.history.undo_labels == (f"Add {image.name}",)

    gate.touch()
    waiting.until(lambda: not task.running)
    assert task.state == "done", task.error
    assert previewed(waiting) == []
    result = session.document.volume_layers[1]
    assert np.array_equal(result.volumes[0].values(), image.volumes[0].values() + 1)
    assert task.provenance == result.volumes[0].provenance
    assert task.stages["first half"] > 0.3
    journals = "".join(path.read_text() for path in session.journal.folder.glob("*/journal.jsonl"))
    assert result.id in journals
    assert preview.id not in journals


def test_a_result_waits_hidden_where_another_image_is_looked_at_by_then(waiting, image, tmp_path):
    session, gate = waiting.session, tmp_path / "gate"
    task = run(waiting, image, gate)
    wait_for_both_slabs(waiting)
    other = volume_layer((Volume(np.zeros(SHAPE, np.int16), Grid.of(SHAPE), "of somebody else"),))
    session.history.do(AddLayer(other))
    session.layers.show(other, overlay=False)
    gate.touch()
    waiting.until(lambda: not task.running)
    assert task.state == "done", task.error
    assert session.document.shown == (other,)
    assert session.state.active == other.id
    assert "Slabs" in session.history.undo_labels


def test_a_cancel_takes_the_preview_along(waiting, image, tmp_path):
    task = run(waiting, image, tmp_path / "never")
    wait_for_both_slabs(waiting)
    task.cancel()
    waiting.until(lambda: not task.running)
    assert task.state == "cancelled"
    assert waiting.session.document.shown == (image,)


def test_a_failure_takes_the_preview_along(waiting, image, tmp_path):
    gate = tmp_path / "gate"
    task = run(waiting, image, gate, fail=True)
    wait_for_both_slabs(waiting)
    gate.touch()
    waiting.until(lambda: not task.running)
    assert (task.state, task.error) == ("failed", "Slabs: it was told to fail.")
    assert "Refusal" in task.detail
    assert waiting.session.document.shown == (image,)


def test_previews_that_fit_nothing_cost_no_run(waiting, image, tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    task = run(waiting, image, gate, odd=True)
    waiting.until(lambda: not task.running)
    assert task.state == "done", task.error
    assert previewed(waiting) == []


def test_previews_and_results_never_wait_for_an_effect_or_a_consensus(waiting, image, tmp_path):
    session, gate, end = waiting.session, tmp_path / "gate", Event()
    labels = session.segments.new_layer(image)
    effect = session.segments.run_effect(labels, "Slow", lambda tell: end.wait(PATIENCE) and ())
    consensus = session.background.ask("Consensus", lambda tell: None, lambda found: None)
    task = run(waiting, image, gate)
    waiting.until(lambda: previewed(waiting) or not effect.running)
    gate.touch()
    waiting.until(lambda: not task.running or not effect.running)
    assert task.state == "done", task.error
    assert effect.running
    assert consensus.running
    end.set()
    waiting.until(lambda: not (effect.running or consensus.running))
    assert (effect.state, consensus.state) == ("done", "done")
