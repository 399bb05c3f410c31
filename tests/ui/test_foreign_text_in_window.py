"""Text of files in the window: its letters are shown, none of it is taken for HTML, and nothing in it is unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, QObject, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractItemView, QApplication, QComboBox, QLabel, QMessageBox, QToolTip, QWidget
from shell import drop

from tests.fixtures.dicom_phantom import ramp, write_series
from tests.fixtures.model_card import write_model
from viewer.data.grid import Grid
from viewer.data.printable_text import printable
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import RefusedFile, Source
from viewer.data.transform import SignOff
from viewer.data.volume import Volume, Window
from viewer.io.segmentations.seg_nrrd import write_seg_nrrd
from viewer.plugin.discovery import PluginFailure
from viewer.render.overlay.overlay import patient_lines
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import Layer, volume_layer
from viewer.scene.task import Message, Task
from viewer.scene.worklist import Case
from viewer.ui.layers.histogram import Histogram
from viewer.ui.plugins.models_dialog import ModelsDialog
from viewer.ui.segments.naming_dialog import NamingDialog
from viewer.ui.widgets.curve_plot import CurvePlot

GRID = Grid.of((4, 20, 24), (2.0, 1.0, 1.0))
HTML = "<b>x</b><img src='y.png'>"
FOREIGN = f"{HTML}\u202e\u200b\x07&a"  # as a file holds it
LETTERS = printable(FOREIGN)
BEGIN = LETTERS.partition("\\x07")[0]
SEGMENT = FOREIGN.replace("\x07", "\x7f")  # what an NRRD header can hold
NAME = "b<i>\u202e\n\x07"  # of a file: no slash


def texts_of(thing: QObject) -> Iterator[tuple[str, str]]:
    """Every text that Qt knows of a widget or an action, by the property's name; what is made of HTML is left out."""
    meta = thing.metaObject()
    for place in range(meta.propertyCount()):
        name = meta.property(place).name()
        value = thing.property(name) if name not in ("html", "markdown") else None
        if isinstance(value, str):
            yield name, value


def texts_in(model: QAbstractItemModel, parent: QModelIndex = QModelIndex()) -> Iterator[tuple[str, str]]:  # noqa: B008
    """The texts of all roles of all rows."""
    roles = [role for role in Qt.ItemDataRole if role.value < Qt.ItemDataRole.UserRole.value]
    for row in range(model.rowCount(parent)):
        for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)):
            index = model.index(row, column, parent)
            found = {role.name: model.data(index, role) for role in roles}
            yield from ((name, value) for name, value in found.items() if isinstance(value, str))
        yield from texts_in(model, model.index(row, 0, parent))


def wrong_texts(top: QWidget) -> tuple[list[str], int]:
    """What is shown otherwise than letter by letter in a window, and how many texts hold the foreign letters."""
    wrong, met = [], 0
    for thing in (top, *top.findChildren(QWidget), *top.findChildren(QAction)):
        found = list(texts_of(thing))
        if isinstance(thing, QAbstractItemView | QComboBox) and thing.model():
            found += list(texts_in(thing.model()))
        where = f"{type(thing).__name__} {thing.objectName()}"
        met += sum(BEGIN in text for _, text in found)
        wrong += [f"{where}.{n}: {t!r}" for n, t in found if any(printable(line) != line for line in t.split("\n"))]
        if isinstance(thing, QLabel) and thing.textFormat() == Qt.TextFormat.AutoText:
            wrong.append(f"{where} may take its text for HTML: {thing.text()!r}")
    return wrong, met


def letter_by_letter(top: QWidget, least: int = 1) -> None:
    QApplication.processEvents()
    wrong, met = wrong_texts(top)
    assert not wrong, "\n".join(wrong)
    assert met >= least


@pytest.fixture
def hostile(tmp_path: Path, window, session, qtbot):
    """An image of a patient whose name, as all its texts, is foreign, and a refused file beside it."""
    folder = tmp_path / NAME
    folder.mkdir()
    facts = dict.fromkeys(("PatientName", "PatientID", "StudyDescription", "SeriesDescription"), FOREIGN)
    more = {"BodyPartExamined": "A\x07", "Manufacturer": FOREIGN, "AccessionNumber": "1\u200b"}
    write_series(folder / "ct", ramp(GRID.shape), GRID, **facts, **more)
    (folder / f"{NAME}.nrrd").write_bytes(b"NRRD0005\ntype: uchar\ndata file: ../\x1b[31m\n")
    window.open([folder])
    qtbot.waitUntil(lambda: bool(session.document.volume_layers) and session.document.volume_layers[0].loaded == 1)
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks))
    assert session.studies.refused
    return session.document.volume_layers[0]


@pytest.fixture
def labelled(hostile, tmp_path, session, qtbot):
    """Its segments, named by a file."""
    array = np.zeros(GRID.shape, np.uint8)
    array[1:3, 4:8, 4:8] = 1
    path = tmp_path / f"{NAME}.seg.nrrd"
    write_seg_nrrd(Segmentation(array, hostile.grid, (Segment(1, "NAME", code=("99X", "CODE", "MEANING")),)), path)
    header, voxels = path.read_bytes().split(b"\n\n", 1)
    for word, text in (("NAME", SEGMENT), ("CODE", "1\u202e"), ("MEANING", SEGMENT)):
        header = header.replace(f":={word}".encode(), f":={text}".encode()).replace(
            f"^{word}".encode(), f"^{text}".encode()
        )
    path.write_bytes(header + b"\n\n" + voxels)
    session.segment_files.open(path)
    qtbot.waitUntil(lambda: bool(session.document.segmentation_layers))
    return session.document.segmentation_layers[0]


def test_every_page_of_the_window(window, session, hostile, labelled):
    session.messages.warn(f"It quotes {FOREIGN}")
    session.layers.rename(hostile, FOREIGN)
    window.preferences.remember(str(Path("/x") / FOREIGN))
    for place in range(window.inspector.count()):
        window.inspector.setCurrentIndex(place)
        letter_by_letter(window, least=10)
    window.segments.statistics.run()
    window.commands.show_palette()
    letter_by_letter(window, least=10)
    window.commands.show_messages()
    letter_by_letter(window, least=10)


def test_what_is_said_of_whose_image_it_is(hostile):
    assert hostile.source.patient_id == FOREIGN  # kept for a file that is made of it
    text = FOREIGN.replace("=", "")  # which parts a name
    for line in patient_lines(Source(patient_name=text, patient_id=text, series_description=text)):
        assert printable(text) in line.text


def test_dialogs(window, session, hostile, labelled, tmp_path, home, qtbot):
    write_model(home / "data" / "models", "odd", title=FOREIGN, summary=FOREIGN, licence=FOREIGN, limits=[FOREIGN],
                input={FOREIGN: FOREIGN}, labels={"1": FOREIGN}, training={"data": [{"name": FOREIGN}]})  # fmt: skip
    session.models.look()
    dialogs = [ModelsDialog(session, lambda folder: None, "odd", window)]
    window.segments.controller.choose((0, 1))
    dialogs.append(NamingDialog(window.segments.controller, window.segments.controller.segment, window))
    qtbot.waitUntil(lambda: session.models.known)
    for dialog in dialogs:
        dialog.show()
        letter_by_letter(dialog)
        drop(dialog)
    session.state.active = hostile.id
    window.files.save_image()
    letter_by_letter(window)


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (Segment(1, FOREIGN), "name"),
        (Segment(1, "a", remark=FOREIGN), "remark"),
        (LandmarkPair(("a", "b"), FOREIGN, (0, 0, 0), (0, 0, 0)), "name"),
        (Layer(FOREIGN), "name"),
        (Task("load", FOREIGN), "title"),
        (Message(FOREIGN), "text"),
        (RefusedFile("a", FOREIGN), "reason"),
        (Case("a", "b", reader=FOREIGN), "reader"),
        (PluginFailure("a", FOREIGN), "reason"),
        (Window(0, 1, FOREIGN), "name"),
        (SignOff("accepted", FOREIGN, "", ""), "reader"),
    ],
)
def test_what_is_made_to_be_shown_holds_letters_from_the_start(made, field):
    assert getattr(made, field) == LETTERS


def test_a_job_tells_letters():
    task = Task("load", "a")
    task.begin()
    task.advance(0.5, FOREIGN)
    assert task.text == LETTERS
    task.end("failed", FOREIGN)
    assert task.error == LETTERS


def test_a_tool_tip_and_a_message_box_show_letters(window):
    QToolTip.showText(window.mapToGlobal(QPoint(40, 40)), HTML, window)
    (tip,) = [one for one in QApplication.topLevelWidgets() if one.inherits("QTipLabel") and one.isVisible()]
    assert (tip.text(), tip.textFormat()) == (HTML, Qt.TextFormat.PlainText)
    QToolTip.hideText()
    box = QMessageBox(QMessageBox.Icon.Warning, "Quit?", HTML, parent=window)
    box.show()
    assert any(label.text() == HTML for label in box.findChildren(QLabel))
    assert not wrong_texts(box)[0]
    drop(box)


def test_plots_show_letters(qtbot, session):
    """Their labels are HTML."""
    layer = volume_layer((Volume(ramp(GRID.shape), GRID, unit=HTML),))
    histogram, curves = Histogram(layer, session.background), CurvePlot()
    for one in (histogram, curves):
        qtbot.addWidget(one)
    assert HTML in histogram.plot.getAxis("bottom").label.toPlainText()
    histogram.stop()
    task = Task("run", "a")
    task.add_curve_value(HTML, 1.0)
    curves.show_task(task)
    ((_, name),) = curves.getPlotItem().legend.items
    assert name.item.toPlainText() == HTML
