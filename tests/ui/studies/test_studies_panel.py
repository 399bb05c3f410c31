"""The study browser follows what the session finds and loads what is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QGuiApplication

from viewer.data.grid import Grid
from viewer.data.notice import Notice
from viewer.data.study import Image, LabelFile, RefusedFile, Source
from viewer.scene.task import Task
from viewer.ui.studies.panel import SERIES_A_TURN, StudiesPanel
from viewer.ui.studies.tree_model import IMAGE_MIME, packed_keys, unpacked_keys
from viewer.ui.widgets import text_format


def _image(
    patient: str = "Doe^Jane", study: str = "1.2", date: str = "20240517", number: int = 1, **changes: object
) -> Image:
    source = Source(
        patient_id=f"id {patient}",
        patient_name=patient,
        study_uid=study,
        study_date=date,
        study_description="CT abdomen",
        series_uid=f"{study}.{number}",
        series_number=number,
        series_description="axial",
        modality="CT",
        dicom=True,
        files=("/data/a.dcm",),
    )
    grid = Grid.of((40, 64, 48), spacing=(2.5, 0.7, 0.7))
    return Image(source, grid, "int16", **changes)


def _find(session, *images: Image) -> None:
    """What the reader does: all images known of a series, by its key."""
    key = images[0].source.series_uid
    session.studies.images[key] = list(images)
    session.studies.images_changed.emit(key)


def _texts(panel: StudiesPanel, parent: QModelIndex = QModelIndex()) -> list:  # noqa: B008
    """The rows as they are shown: (title, [rows below])."""
    model = panel.filter
    rows = [model.index(row, 0, parent) for row in range(model.rowCount(parent))]
    return [(row.data(), below) if (below := _texts(panel, row)) else row.data() for row in rows]


def _series(panel: StudiesPanel, *path: int) -> QModelIndex:
    index = QModelIndex()
    for row in path:
        index = panel.filter.index(row, 0, index)
    return index


@pytest.fixture
def panel(session, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(session.studies, "thumbnail", lambda image, done: asked.append((image, done)))
    panel = StudiesPanel(session)
    panel.asked = asked
    qtbot.addWidget(panel)
    panel.resize(280, 600)
    panel.show()
    return panel


@pytest.fixture
def loaded(session, monkeypatch) -> list[tuple[Image, bool]]:
    """What the session was asked to load, and whether over the rest."""
    asked: list[tuple[Image, bool]] = []

    def load(image: Image, *, overlay: bool = False) -> Task:
        asked.append((image, overlay))
        return Task("load", "Load")

    monkeypatch.setattr(session.studies, "load", load)
    return asked


def test_it_says_what_to_do_while_nothing_is_open(panel, qtbot):
    assert panel.pages.currentIndex() == 0
    panel.show_recent(["/somewhere/thorax"])
    with qtbot.waitSignal(panel.recent_chosen) as chosen:
        panel.recent.itemActivated.emit(panel.recent.item(0))
    assert chosen.args == ["/somewhere/thorax"]


def test_series_stand_under_study_and_patient_in_order(panel, session, qtbot):
    _find(session, _image(number=7))
    _find(session, _image(number=2))
    _find(session, _image(study="1.3", date="20250101"))
    _find(session, _image("Abel^Ann", "1.4"))
    expected = [
        ("Abel, Ann", [("2024-05-17 · CT abdomen", ["1 · axial"])]),
        (
            "Doe, Jane",
            [("2025-01-01 · CT abdomen", ["1 · axial"]), ("2024-05-17 · CT abdomen", ["2 · axial", "7 · axial"])],
        ),
    ]
    qtbot.waitUntil(lambda: _texts(panel) == expected)


def test_a_series_follows_what_is_known_of_it(panel, session, qtbot):
    _find(session, _image())
    qtbot.waitUntil(lambda: _series(panel, 0, 0, 0).data() == "1 · axial")
    _find(session, _image(name="echo 1"), _image(name="echo 2"), _image(name="echo 3"))
    qtbot.waitUntil(lambda: _texts(panel)[0][1][0][1] == [("1 · axial", ["echo 1", "echo 2", "echo 3"])])
    _find(session, _image(name="echo 1"), _image(name="echo 2"))
    qtbot.waitUntil(lambda: _texts(panel)[0][1][0][1] == [("1 · axial", ["echo 1", "echo 2"])])
    session.studies.images["1.2.1"] = []
    session.studies.images_changed.emit("1.2.1")
    qtbot.waitUntil(lambda: _texts(panel) == [])


def test_every_word_must_occur(panel, session, qtbot):
    _find(session, _image())
    _find(session, _image("Abel^Ann", "1.4", "20230809"))
    qtbot.waitUntil(lambda: len(_texts(panel)) == 2)
    for text, names in (("jane ct", ["Doe, Jane"]), ("2023-08 axial", ["Abel, Ann"]), ("abel jane", [])):
        panel.box.setText(text)
        qtbot.waitUntil(lambda names=names: [row[0] for row in _texts(panel)] == names)
    assert panel.pages.currentWidget() is panel.nothing
    panel.box.clear()
    qtbot.waitUntil(lambda: len(_texts(panel)) == 2)


def test_enter_loads_and_a_selection_is_fused(panel, session, loaded, qtbot):
    first, second = _image(number=1), _image(number=2)
    _find(session, first)
    _find(session, second)
    qtbot.waitUntil(lambda: panel.filter.rowCount() == 1)
    panel.view.setCurrentIndex(_series(panel, 0, 0, 1))
    qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert loaded == [(second, False)]
    panel.view.setCurrentIndex(_series(panel, 0, 0))
    panel.open_selected()
    assert loaded[1:] == [(first, False), (second, True)]


def test_the_menu_copies_the_uid_and_lays_over(panel, session, loaded, qtbot):
    _find(session, _image())
    qtbot.waitUntil(lambda: panel.filter.rowCount() == 1)
    panel.view.setCurrentIndex(_series(panel, 0, 0, 0))
    acts = {act.text(): act for act in panel.context_menu(panel.selected()).actions()}
    acts["Copy series UID"].trigger()
    assert QGuiApplication.clipboard().text() == "1.2.1"
    acts["Open as overlay"].trigger()
    assert loaded[0][1] is True


def test_what_is_dragged_names_the_images(panel, session, qtbot):
    _find(session, _image(name="echo 1"), _image(name="echo 2"))
    qtbot.waitUntil(lambda: panel.filter.rowCount() == 1)
    data = panel.filter.mimeData([_series(panel, 0, 0, 0)])
    assert unpacked_keys(data.data(IMAGE_MIME).data()) == ["1.2.1|echo 1", "1.2.1|echo 2"]


def test_a_key_of_any_letters_survives_a_drag():
    keys = ["/data/two\nlines.nii|", "/data/caf\udce9.nii|", "1.2.1|Ä"]
    assert unpacked_keys(packed_keys(keys)) == keys


def test_the_warnings_are_in_the_tool_tip_and_the_marks_are_spoken(panel, session, qtbot):
    _find(session, _image(timepoints=3, notices=(Notice("missing-slices", "Slice 7 is missing.", "slices missing"),)))
    qtbot.waitUntil(lambda: panel.filter.rowCount() == 1)
    row = _series(panel, 0, 0, 0)
    assert "Slice 7 is missing." in row.data(Qt.ItemDataRole.ToolTipRole)
    spoken = row.data(Qt.ItemDataRole.AccessibleTextRole)
    for part in ("40 slices", "3 time points", "0.7 × 0.7 × 2.5 mm", "4-D", "slices missing"):
        assert part in spoken


def test_thumbnails_are_asked_for_rows_that_are_seen(panel, session, qtbot):
    for number in range(60):
        _find(session, _image(number=number + 1))
    qtbot.waitUntil(lambda: panel.filter.rowCount() == 1)
    qtbot.waitUntil(lambda: len(panel.asked) > 3)
    assert len(panel.asked) < 30
    image, done = panel.asked[0]
    done(np.full((32, 24), 200, np.uint8))
    (study,) = panel.tree.root.children[0].children
    node = next(one for one in study.children if one.images == [image])
    assert panel.thumbnail(node).toImage().pixelColor(5, 5).red() == 200
    asked = len(panel.asked)
    panel.thumbnail(node)
    assert len(panel.asked) == asked  # known: not asked for again


def test_many_studies_arrive_in_turns_and_stay_folded(panel, session, qtbot):
    for n in range(2 * SERIES_A_TURN):
        _find(session, _image(f"Name{n:04}", f"9.{n}"))
    panel._show_arrived()
    assert panel.filter.rowCount() == SERIES_A_TURN
    qtbot.waitUntil(lambda: panel.filter.rowCount() == 2 * SERIES_A_TURN)
    assert not panel.view.isExpanded(panel.filter.index(panel.filter.rowCount() - 1, 0))
    panel.box.setText("name0123")
    qtbot.waitUntil(lambda: panel.filter.rowCount() == 1)
    assert panel.view.isExpanded(panel.filter.index(0, 0))


def test_refused_files_are_counted_and_listed(panel, session, qtbot):
    session.studies.file_refused.emit(RefusedFile("/data/report.dcm", "report.dcm is a PDF, not an image."))
    session.studies.file_refused.emit(RefusedFile("/data/b.dcm", "b.dcm ends too early."))
    assert panel.refused_fold.text() == "2 files not opened"
    assert not panel.refused.isVisible()
    qtbot.mouseClick(panel.refused_fold, Qt.MouseButton.LeftButton)
    assert panel.refused.isVisible()
    assert "is a PDF" in panel.refused.item(0).text()
    assert "/data/report.dcm" in panel.refused.item(0).toolTip()


def test_reading_shows_how_far_it_is(panel, session):
    task = Task("index", "Open")
    session.tasks.added.emit(task)
    task.begin()
    task.advance(0.25, "30 of 120 files")
    assert panel.progress.isVisible()
    assert panel.progress.value() == 250
    assert panel.reading.text() == "Reading 30 of 120 files"
    task.end("done")
    assert not panel.progress.isVisible()
    assert not panel.reading.isVisible()


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Doe^Jane^Q^Dr", "Doe, Jane Q"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
        ("Anonymized", "Anonymized"),
        ("", ""),
    ],
)
def test_names_as_people_write_them(stored, shown):
    assert text_format.person(stored) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.44, "0.4 s"), (9.97, "10 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations(seconds, shown):
    assert text_format.seconds(seconds) == shown


def test_files_of_segments_stand_with_their_study(panel, session, monkeypatch) -> None:
    image = _image()
    _find(session, image)
    own = replace(image.source, series_uid="1.2.9", series_number=7, series_description="Organs", modality="SEG")
    session.studies.label_files["/data/seg.dcm"] = LabelFile(replace(own, files=("/data/seg.dcm",)), "1.2.1", count=5)
    session.studies.labels_found.emit("/data/seg.dcm")
    panel._show_arrived()
    (patient,) = _texts(panel)
    assert patient[1][0][1] == ["1 · axial", "7 · Organs"]
    study = panel.tree.node(panel.filter.mapToSource(_series(panel, 0, 0)))
    assert study.facts == "CT SEG · 2 series"
    assert (study.children[1].facts, study.children[1].details) == ("SEG", "5 segments")
    asked = []
    monkeypatch.setattr(session.studies, "open_labels", asked.append)
    panel._activated(_series(panel, 0, 0, 1))
    panel.view.setCurrentIndex(_series(panel, 0, 0, 1))
    panel.open_selected()
    assert asked == [session.studies.label_files["/data/seg.dcm"]] * 2
    assert panel.context_menu(panel.selected()).actions()
    dragged = panel.tree.mimeData([panel.filter.mapToSource(_series(panel, 0, 0, 1))])
    assert dragged.data(IMAGE_MIME).toStdString() == "/data/seg.dcm"


def test_what_is_dragged_from_the_browser_is_shown(window, session, monkeypatch) -> None:
    image = _image()
    session.studies.images["1.2.1"] = [image]
    session.studies.label_files["/data/seg.dcm"] = labels = LabelFile(
        replace(image.source, files=("/data/seg.dcm",)), "1.2.1"
    )
    asked = []
    monkeypatch.setattr(session.studies, "load", asked.append)
    monkeypatch.setattr(session.studies, "open_labels", asked.append)
    window.files.open_found(["/data/seg.dcm", "gone", image.key])
    assert asked == [image, labels]
