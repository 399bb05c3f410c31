"""The journal: what was recorded comes back, whatever the crash left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Image, Source
from viewer.data.transform import SignOff, Transform
from viewer.data.volume import Volume, Window
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer, AlignLayer, CompositeEdit, RemoveLayer, RenameLayer, ReviewLayer
from viewer.scene.history import History
from viewer.scene.journal.journal import Journal
from viewer.scene.journal.replay import find_recoveries
from viewer.scene.layer import VolumeLayer, volume_layer

GRID = Grid.of((2, 3, 4), spacing=(3, 2, 1), origin=(5, 6, 7), frame_of_reference="1.2")
SOURCE = Source(patient_id="P", series_uid="1.2.3", files=("/a/1.dcm", "/a/2.dcm"), dicom=True)


def result(value: int) -> VolumeLayer:
    array = np.full(GRID.shape, value, np.int16)
    made = Provenance("denoise", "1.0", "0.1", parameters={"strength": 1.5}, inputs=("1.2.3",), learned=True)
    windows = (Window(1, 2, "w"),)
    volume = Volume(array, GRID, f"result {value}", "HU", 2.0, -1.0, windows, source=SOURCE, provenance=made)
    return volume_layer((volume,), review="unreviewed")


def opened() -> VolumeLayer:
    volume = Volume(np.arange(24, dtype=np.int16).reshape(GRID.shape), GRID, "CT", source=SOURCE)
    return volume_layer((volume,), image=Image(SOURCE, GRID, "int16", name="CT"))


def abandon(journal: Journal) -> None:
    """Leave the journal as a process that was killed would."""
    journal.abandon()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """One without a step, whose files are closed at the end."""
    made = Journal(tmp_path)
    yield made
    made.abandon()


def write(root: Path) -> Journal:
    journal = Journal(root)
    document = Document()
    history = History(document, record=journal.record)
    image, first, second = opened(), result(1), result(2)
    first.made_from, first.made_at = image.id, 3
    history.do(AddLayer(image))
    history.do(CompositeEdit("Denoise", (AddLayer(first), AddLayer(second))))
    history.do(RenameLayer(first, first.name, "renamed"))
    history.do(ReviewLayer(first, "unreviewed", "accepted"))
    history.do(RemoveLayer(second, 2))
    history.undo()
    history.undo()
    history.redo()
    return journal


def test_every_step_comes_back(tmp_path: Path) -> None:
    abandon(write(tmp_path))
    (found,) = find_recoveries(tmp_path)
    assert found.summary == "1 opened image, 2 results"
    assert found.images == {"1.2.3|CT": ("/a/1.dcm", "/a/2.dcm")}
    history = History(Document())
    found.replay(history, found.layers(lambda key: opened() if key == "1.2.3|CT" else None))
    names = [(layer.name, layer.review) for layer in history.document]
    assert names == [("CT", "source"), ("renamed", "accepted"), ("result 2", "unreviewed")]
    image, first, _ = history.document.volume_layers
    assert (first.made_from, first.made_at) == (image.id, 3)
    assert history.undo_labels[0] == "Accept renamed"
    assert history.redo_labels == ("Remove result 2",)
    volume = history.document.volume_layers[1].volumes[0]
    assert (volume.array == 1).all()
    assert volume.array.dtype == np.int16
    assert volume.grid.matches(GRID)
    assert (volume.slope, volume.intercept, volume.unit, volume.windows) == (2.0, -1.0, "HU", (Window(1, 2, "w"),))
    assert volume.source == SOURCE
    assert volume.provenance is not None
    assert volume.provenance.parameters == {"strength": 1.5}
    assert volume.provenance.learned


def test_an_image_that_is_gone_leaves_the_results(tmp_path: Path) -> None:
    abandon(write(tmp_path))
    (found,) = find_recoveries(tmp_path)
    history = History(Document())
    found.replay(history, found.layers(lambda key: None))
    assert [layer.name for layer in history.document] == ["renamed", "result 2"]


def test_a_line_cut_short_costs_that_line_only(tmp_path: Path) -> None:
    journal = write(tmp_path)
    abandon(journal)
    path = journal.folder / "journal.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    for cut in (1, len(whole[-1]) // 2):
        path.write_bytes(b"".join(whole)[:-cut])
        (found,) = find_recoveries(tmp_path)
        assert len(found.steps) >= len(whole) - 1


def test_a_clean_end_leaves_nothing(tmp_path: Path) -> None:
    journal = write(tmp_path)
    assert find_recoveries(tmp_path) == []  # it is alive
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_discard(tmp_path: Path) -> None:
    abandon(write(tmp_path))
    find_recoveries(tmp_path)[0].discard()
    assert find_recoveries(tmp_path) == []


def test_the_step_is_on_disk_before_the_document_changes(journal: Journal) -> None:
    document = Document()
    history = History(document, record=journal.record)
    seen: list[int] = []
    document.inserted.connect(lambda *_: seen.append(len((journal.folder / "journal.jsonl").read_text().splitlines())))
    history.do(AddLayer(result(1)))
    assert seen == [1]


def test_a_journal_that_cannot_be_written_changes_nothing(journal: Journal) -> None:
    history = History(Document(), record=journal.record)
    journal.abandon()
    with pytest.raises(ValueError, match="closed file"):
        history.do(AddLayer(opened()))
    assert len(history.document) == 0
    assert history.undo_labels == ()


def test_arrays_are_written_once(journal: Journal) -> None:
    layer = result(1)
    name = journal.store(layer.volumes[0].array)
    journal.record("do", AddLayer(layer))
    assert [path.name for path in journal.folder.glob("*.npy")] == [name]
    other = layer.volumes[0].array.copy()
    assert journal.store(other) != name


def test_where_an_image_was_placed_comes_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    history = History(Document(), record=journal.record)
    image, made = opened(), result(1)
    moved = np.eye(4)
    moved[:3, 3] = (1.5, 0, -2)
    field = np.random.default_rng(0).normal(size=(*GRID.shape, 3)).astype(np.float32)
    found = Transform(moved, field, GRID, "CT to MR", Provenance("register_deform", "1.0", "0.1"))
    made.transform = found
    signed = replace(found, sign_off=SignOff("accepted", "A reader", "well aligned", "2026-01-02T03:04:05+00:00"))
    history.do(AddLayer(image))
    history.do(AddLayer(made))
    history.do(AlignLayer(image, None, Transform(moved), "drag 1"))
    history.do(AlignLayer(image, image.transform, Transform(moved @ moved), "drag 1"))
    history.do(AlignLayer(image, image.transform, found))
    history.do(AlignLayer(image, found, signed))
    assert len(list(journal.folder.glob("*.npy"))) == 2  # the result's voxels, and one field for all
    abandon(journal)

    (left,) = find_recoveries(tmp_path)
    again = History(Document())
    left.replay(again, left.layers(lambda key: opened()))
    back, placed = again.document.volume_layers
    for transform in (back.transform, placed.transform):
        assert transform is not None
        assert np.array_equal(transform.matrix, moved)
        assert np.array_equal(transform.displacement, field)
        assert transform.grid.matches(GRID)
        assert (transform.name, transform.provenance) == (found.name, found.provenance)
    assert (back.transform.sign_off, placed.transform.sign_off) == (signed.sign_off, None)
    again.undo()
    again.undo()
    assert np.array_equal(back.transform.matrix, moved @ moved)
    again.undo()  # the drag is one step
    assert back.transform is None


KILLED = """
import os, sys, signal
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_journal
test_journal.write(Path(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_after_a_real_kill(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)], check=False)
    assert done.returncode == -9
    (found,) = find_recoveries(tmp_path)
    history = History(Document())
    found.replay(history, found.layers(lambda key: opened()))
    assert len(history.document) == 3


def test_what_is_done_while_work_comes_back_is_neither_lost_nor_undone_by_it(tmp_path: Path) -> None:
    abandon(write(tmp_path / "before"))
    (found,) = find_recoveries(tmp_path / "before")
    now = Journal(tmp_path / "now")
    history = History(Document(), record=now.record)
    steps = found.replay_steps(history, found.layers(lambda key: opened()))
    meanwhile = []
    for number, _ in enumerate(steps):
        meanwhile.append(result(100 + number))
        history.do(AddLayer(meanwhile[-1]))
        history.undo()  # of somebody who cannot see yet what it would take back
        history.redo()
    names = [layer.name for layer in history.document]
    assert names[:3] == ["CT", "renamed", "result 2"]
    assert names[3:] == [layer.name for layer in meanwhile]
    history.undo()
    assert [layer.name for layer in history.document] == names[:-1]
    abandon(now)
    (both,) = find_recoveries(tmp_path / "now")
    again = History(Document())
    both.replay(again, both.layers(lambda key: opened()))
    assert [layer.name for layer in again.document] == names[:-1]


def test_a_clock_that_jumps_and_an_id_that_another_process_has_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = write(tmp_path)
    monkeypatch.setattr("time.time", lambda: 4e9)
    monkeypatch.setattr("psutil.Process.create_time", lambda self: 4e9)
    (journal.folder / "pid").write_text("999999999 0")
    assert find_recoveries(tmp_path) == []  # it is alive
    abandon(journal)
    (journal.folder / "pid").write_text(f"{os.getpid()} 4e9")
    assert len(find_recoveries(tmp_path)) == 1


def test_a_session_of_another_computer_is_named(tmp_path: Path) -> None:
    journal = write(tmp_path)
    abandon(journal)
    (found,) = find_recoveries(tmp_path)
    assert " on " not in found.when
    (journal.folder / "lock").write_text("reader\treading-room-2\t4711")
    for _ in range(2):  # looking at it does not change whose it is
        (found,) = find_recoveries(tmp_path)
        assert found.when.endswith(" on reading-room-2")


def test_one_that_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    for name in ("20261129-120000-1-abcdef", "20261129-120000-2-abcdef"):
        (tmp_path / name).mkdir()
    (tmp_path / "20261129-120000-2-abcdef" / "lock").touch()
    assert find_recoveries(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_session_that_is_suspended_is_not_brought_back(tmp_path: Path) -> None:
    """Its process answers nothing, as after the machine slept: it has the lock all the same."""
    script = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "os.kill(os.getpid(), signal.SIGSTOP)").replace(
        "test_journal.write(", "journal = test_journal.write("
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent)])
    try:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert find_recoveries(tmp_path) == []
    finally:
        process.kill()
        process.wait()
    assert len(find_recoveries(tmp_path)) == 1
