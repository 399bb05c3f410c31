"""A task list in the window: case after case, nothing lost, nothing in the wrong case, nothing told where blinded."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from viewer.io.reports.audit_log import check, entries
from viewer.io.segmentations.seg_nrrd import read_seg_nrrd
from viewer.scene.edits import AddLayer, ChangeLandmark
from viewer.scene.landmarks import LandmarkPair
from viewer.session.review.worklist_session import WorklistSession
from viewer.ui.review.worklist_panel import DICE, PREDICTED

CASES = ("Doe^Jane", "Roe^Richard", "Poe^Ann")
BOX = (slice(1, 3), slice(1, 3), slice(1, 3))


@pytest.fixture
def table(tmp_path):
    """Three small images, of other values each; the first two with segments."""
    rows = [("case", "image", "segmentation")]
    for n, name in enumerate(CASES, 1):
        image = sitk.GetImageFromArray(np.linspace(0, 100 * n, 480).reshape(6, 8, 10).astype(np.int16))
        labels = np.zeros((6, 8, 10), np.uint8)
        labels[3:5, 3:6, 3:7] = 1
        sitk.WriteImage(image, tmp_path / f"image{n}.nii.gz")
        sitk.WriteImage(sitk.GetImageFromArray(labels), tmp_path / f"labels{n}.nii.gz")
        rows.append((name, f"image{n}.nii.gz", f"labels{n}.nii.gz" if n < 3 else ""))
    path = tmp_path / "cases.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture
def wait(qtbot, session):
    def still() -> bool:
        return not any(task.running for task in session.tasks)

    return lambda ready=lambda: True: qtbot.waitUntil(lambda: still() and ready())


@pytest.fixture
def said(session):
    """Messages, as they come."""
    texts = []
    session.messages.added.connect(lambda message: texts.append(message.text))
    return texts


@pytest.fixture
def panel(window, session, table, wait):
    window.worklist.controller.open(table)
    wait(lambda: window.worklist.controller.worklist is not None)
    return window.worklist


@pytest.fixture
def opened(panel, wait, window):
    """The first case is open."""
    window.actions_["next_case"].trigger()
    wait(lambda: panel.controller.layer in panel.controller.session.document.segmentation_layers)
    return panel


def dab(panel) -> None:
    layer = panel.controller.layer
    panel.controller.session.segments.apply_mask(
        layer, layer.segmentation.segments[0].key, np.ones((2, 2, 2), bool), BOX, "Dab"
    )


def is_open(controller, case_id, session) -> bool:
    return controller.case_id == case_id and controller.layer in session.document.segmentation_layers


def value(session) -> int:
    """Tells which image is open."""
    assert len(session.document.volume_layers) == 1
    return int(session.document.base.volumes[0].array.max()) // 100


def test_the_list_shows_where_it_stands(panel, window):
    assert panel.isVisibleTo(window)
    assert panel.summary.text() == "0 of 3"
    assert [panel.rows.index(row, 0).data() for row in range(3)] == list(CASES)
    assert panel.rows.index(0, 1).data() == "not started"


def test_a_case_is_its_image_with_its_segments_over_it(opened, session):
    assert value(session) == 1
    assert opened.controller.layer.segmentation.array.sum() == 24
    assert opened.controller.layer.made_from == session.document.base.id
    assert opened.controller.case.state == "in progress"


def test_what_was_edited_is_saved_before_the_next_case_opens_and_is_there_again(opened, session, window, wait, table):
    dab(opened)
    edited = opened.controller.layer.segmentation.array.copy()
    window.actions_["next_case"].trigger()
    wait(lambda: is_open(opened.controller, CASES[1], session))
    assert value(session) == 2
    saved = opened.controller.worklist.case(CASES[0]).saved
    assert np.array_equal(read_seg_nrrd(table.parent / "tomolens-review-cases" / saved).array > 0, edited > 0)
    assert session.history.undo_labels == ("Add labels2", "Add image2.nii.gz")  # nothing of the first case comes back
    window.actions_["previous_case"].trigger()
    wait(lambda: is_open(opened.controller, CASES[0], session))
    assert np.array_equal(opened.controller.layer.segmentation.array > 0, edited > 0)


def test_a_case_is_not_left_where_its_segments_cannot_be_saved(opened, session, wait, said):
    wait()
    opened.controller.worklist.output = opened.controller.worklist.root / "gone" / "away"
    dab(opened)
    opened.controller.go(1)
    wait()
    assert opened.controller.case_id == CASES[0]
    assert opened.controller.layer.unsaved
    assert "nothing was saved" in said[0]


def test_other_work_that_is_not_saved_keeps_the_case_open(opened, session, wait, said):
    other = session.segments.new_layer(session.document.base, "Mine")
    session.segments.add(other)
    opened.controller.go(1)
    assert opened.controller.case_id == CASES[0]
    assert said == ["Mine is not saved: save it, reject it or remove it, then go on."]


def test_a_case_is_completed_with_its_segments_saved_and_a_word_in_the_trail(opened, session, wait, qtbot, table):
    opened.reader.setText("MK")
    opened.remark.setText("clear")
    opened.complete.click()
    wait(lambda: opened.controller.case.decided)
    case = opened.controller.case
    assert (case.state, case.reader, case.remark) == ("completed", "MK", "clear")
    output = table.parent / "tomolens-review-cases"
    assert (output / case.saved).exists()
    last = entries(output / "audit.jsonl")[-1]
    assert (last.reader, last.what, last.facts) == ("MK", "case", {"case": CASES[0], "state": "completed", "dice": 1.0})
    assert opened.summary.text().startswith("1 of 3")
    qtbot.waitUntil(lambda: json.loads((output / "tasks.json").read_text())["cases"][0]["state"] == "completed")


def test_without_a_reader_nothing_is_decided(opened, session):
    opened.reader.clear()
    opened.flag.click()
    assert not opened.controller.case.decided


def test_a_blinded_list_tells_no_name_anywhere(panel, window, session, wait):
    panel.blinded.click()
    window.actions_["next_case"].trigger()
    wait(lambda: panel.controller.layer is not None)
    shown = [panel.rows.index(row, 0).data() for row in range(3)]
    assert shown == ["Case 1", "Case 2", "Case 3"]
    assert not panel.blinded.isEnabled()
    source = session.document.base.volumes[0].source
    texts = (
        [layer.name for layer in session.document] + [task.title for task in session.tasks] + [panel.title.toolTip()]
    )
    texts += [source.patient_name, source.series_description, session.document.base.volumes[0].name]
    window.info.copy()
    texts.append(QGuiApplication.clipboard().text())
    assert not [text for text in texts for name in (*CASES, "image", "labels") if name in text]
    assert not session.studies.images


def test_decisions_on_segments_and_results_are_written_down_whoever_makes_them(opened, session, table):
    layer = opened.controller.layer
    session.segments.change(layer, layer.segmentation.segments[0].key, state="flagged", reader="AB")
    session.history.undo()
    layer.review = "unreviewed"
    session.review.decide(layer, "accepted")
    trail = table.parent / "tomolens-review-cases" / "audit.jsonl"
    told = [(one.reader, one.what, one.facts.get("state") or one.facts.get("verdict")) for one in entries(trail)[-4:]]
    assert told[0] == ("AB", "segment", "flagged")
    assert [one[1:] for one in told[1:]] == [
        ("segment", "not started"),
        ("result", "unreviewed"),
        ("result", "accepted"),
    ]
    assert check(trail) == ""


def test_a_case_whose_image_is_gone_is_said_and_the_list_goes_on(panel, window, session, wait, table, said):
    (table.parent / "image1.nii.gz").unlink()
    panel.controller.go(1)
    wait(lambda: bool(said))
    panel.controller.go(1)
    wait(lambda: panel.controller.layer is not None)
    assert value(session) == 2


def test_time_goes_to_the_case_that_was_open(opened, wait):
    opened.controller.watch.seconds += 30
    opened.controller.go(1)
    wait(lambda: opened.controller.case_id == CASES[1])
    assert opened.controller.worklist.case(CASES[0]).seconds >= 30
    assert opened.controller.case.seconds < 30


def test_the_same_list_opened_again_has_what_was_edited_until_then(opened, session, wait, table):
    dab(opened)
    edited = opened.controller.layer.segmentation.array.copy()
    opened.controller.open(table)
    wait(lambda: opened.controller.worklist is not None and opened.controller.case_id is None)
    opened.controller.visit(CASES[0])
    wait(lambda: opened.controller.layer in session.document.segmentation_layers)
    assert np.array_equal(opened.controller.layer.segmentation.array > 0, edited > 0)
    opened.controller.go(1)  # nobody else works on it
    wait(lambda: opened.controller.case_id == CASES[1])
    assert (
        json.loads((opened.controller.worklist.output / "tasks.json").read_text())["cases"][1]["state"] == "in progress"
    )


def test_a_case_goes_on_with_what_came_back_of_a_killed_session(opened, wait, qtbot, make_session, table):
    dab(opened)
    killed = opened.controller.layer
    qtbot.waitUntil(lambda: killed.id in (table.parent / "tomolens-review-cases" / "tasks.json").read_text())
    session = make_session()
    session.history.do(AddLayer(killed))
    controller = WorklistSession(session)
    controller.open(table)
    qtbot.waitUntil(lambda: is_open(controller, CASES[0], session))
    qtbot.waitUntil(lambda: controller.layer is not killed and not any(task.running for task in session.tasks))
    assert np.array_equal(controller.layer.segmentation.array > 0, killed.segmentation.array > 0)
    assert value(session) == 1
    assert killed not in tuple(session.document)
    controller.end()


def test_nothing_of_a_case_that_was_left_has_to_be_recovered(opened, session, wait, tmp_path):
    dab(opened)
    opened.controller.go(1)
    wait(lambda: is_open(opened.controller, CASES[1], session))
    (journal,) = tmp_path.glob("journal-0/*/journal.jsonl")
    added = [json.loads(line)["edit"]["layer"]["name"] for line in journal.read_text().splitlines()]
    assert added == ["image2.nii.gz", "labels2"]


def test_a_project_that_was_open_is_not_written_over_with_a_case(panel, session, wait, tmp_path):
    session.projects.path = tmp_path / "other.tomolens"
    panel.controller.go(1)
    wait(lambda: panel.controller.layer is not None)
    assert session.projects.path is None


def test_a_remark_stays_without_a_decision(opened, wait, qtbot, table):
    qtbot.keyClicks(opened.remark, "blurred")
    opened.next.click()
    wait(lambda: opened.controller.case_id == CASES[1])
    assert not opened.remark.text()
    kept = json.loads((table.parent / "tomolens-review-cases" / "tasks.json").read_text())
    assert (kept["cases"][0]["remark"], kept["cases"][0]["state"]) == ("blurred", "in progress")


def test_a_case_that_could_not_be_opened_is_opened_again_by_its_row(panel, session, wait, table):
    image, aside = table.parent / "image1.nii.gz", table.parent / "aside"
    image.rename(aside)
    panel.controller.go(1)
    wait()
    assert panel.controller.layer is None
    aside.rename(image)
    panel.view.activated.emit(panel.rows.index(0, 0))
    wait(lambda: panel.controller.layer in session.document.segmentation_layers)
    session.history.undo()  # it is gone again
    panel.reader.setText("MK")
    panel.complete.click()
    assert not panel.controller.case.decided


def test_landmarks_keep_the_case_open(opened, session, wait, said):
    image = session.document.base
    pair = LandmarkPair((image.id, image.id), "L1", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    session.history.do(ChangeLandmark(None, pair, 0))
    opened.controller.go(1)
    assert opened.controller.case_id == CASES[0]
    assert said == ["There are landmarks: save them and remove them, then go on."]


def test_closing_the_list_leaves_an_empty_window(opened, session, wait):
    opened.controller.close()
    wait(lambda: opened.controller.worklist is None)
    assert not len(session.document)
    assert opened.isHidden()


def test_a_case_of_several_images_says_which_is_shown(window, session, wait, tmp_path, said):
    (tmp_path / "both").mkdir()
    for slices in (2, 6):
        sitk.WriteImage(sitk.Image(10, 8, slices, sitk.sitkInt16), tmp_path / "both" / f"{slices}.nii.gz")
    (tmp_path / "one.csv").write_text("case,image\nfirst,both\n")
    window.worklist.controller.open(tmp_path / "one.csv")
    wait(lambda: window.worklist.controller.worklist is not None)
    window.actions_["next_case"].trigger()
    wait(lambda: window.worklist.controller.layer in session.document.segmentation_layers)
    assert session.document.base.grid.shape[0] == 6
    assert said[0] == "first has 2 images: the largest is shown; a table (CSV) can name one."


def test_doubt_and_dice_are_columns_where_they_are_known_and_the_list_can_be_sorted_by_doubt(panel, qtbot):
    worklist = panel.controller.worklist
    assert panel.view.isColumnHidden(PREDICTED)
    assert panel.view.isColumnHidden(DICE)
    assert not panel.by_doubt.isVisible()
    worklist.change(CASES[0], doubt=0.8)
    worklist.change(CASES[1], doubt=0.25, dices=(("Liver", 1.0), ("Spleen", 0.5)))
    assert [panel.rows.index(row, PREDICTED).data() for row in range(3)] == ["0.80", "0.25", ""]
    assert panel.rows.index(1, DICE).data() == "0.75"
    assert panel.rows.index(1, DICE).data(Qt.ItemDataRole.ToolTipRole) == "Liver: 1.00\nSpleen: 0.50"
    assert not panel.view.isColumnHidden(DICE)
    QTest.mouseClick(panel.by_doubt, Qt.MouseButton.LeftButton, pos=QPoint(8, panel.by_doubt.height() // 2))
    assert [panel.rows.index(row, 0).data() for row in range(3)] == [CASES[1], CASES[0], CASES[2]]
    assert panel.by_doubt.isChecked()
