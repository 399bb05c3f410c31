"""The consensus of readers in the window: a new layer that waits for review, with what is thought of each reader."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from viewer.io.reports.audit_log import entries
from viewer.ui.review.consensus_dialog import ConsensusDialog
from viewer.ui.widgets.basics import label
from viewer.ui.widgets.table import Table


@pytest.fixture
def dialog(window, session, add_image, qtbot):
    """Three readers of a liver; the third's is a row larger."""
    image = add_image()
    for n, larger in enumerate((0, 0, 1)):
        layer = session.segments.new_layer(image, f"Reader {n + 1}")
        session.segments.add(layer, "Liver")
        layer.segmentation.array[2:8, 4 : 12 + larger, 4:12] = 1
    made = ConsensusDialog(session, window)
    yield made
    made.close()
    made.deleteLater()


def made(dialog, qtbot, method):
    dialog.method.setCurrentIndex(dialog.method.findData(method))
    dialog.make.click()
    qtbot.waitUntil(lambda: len(dialog.session.document.segmentation_layers) == 4)
    return dialog.session.document.segmentation_layers[-1]


def test_the_majority_is_a_new_layer_that_waits_for_review(dialog, session, window, qtbot):
    layer = made(dialog, qtbot, "majority")
    first = session.document.segmentation_layers[0]
    assert np.array_equal(layer.segmentation.array, first.segmentation.array)
    assert (layer.review, layer.made_from) == ("unreviewed", session.document.base.id)
    assert layer.segmentation.provenance.parameters["readers"] == ["Reader 1", "Reader 2", "Reader 3"]
    assert dialog.estimates.isHidden()
    last = entries(window.worklist.controller.trail.path)[-1]
    assert (last.what, last.facts) == ("consensus", {"method": "Majority", "readers": 3})
    assert "consensus: method Majority, readers 3" in window.review.audit.list.item(0).text()


def test_staple_says_what_it_thinks_of_each_reader(dialog, qtbot):
    made(dialog, qtbot, "staple")
    table = dialog.estimates.widget()
    assert isinstance(table, Table)
    texts = [one.text() for one in table.findChildren(type(label()))]
    assert texts[4:8] == ["Liver", "Reader 1", "1.000", "1.00000"]
    assert texts[12:15] == ["Liver", "Reader 3", "1.000"]
    assert float(texts[15]) < 1


def test_one_reader_is_no_consensus(dialog):
    for row in (0, 1):
        dialog.readers.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert not dialog.make.isEnabled()
    assert dialog.verdict.text() == "Tick two readers or more."


def test_the_chain_of_the_trail_is_checked_from_the_panel(dialog, window, session, qtbot):
    audit = window.review.audit
    for state in ("flagged", "completed"):
        session.segments.change(session.document.segmentation_layers[0], (0, 1), state=state, reader="MK")
    audit.check.click()
    qtbot.waitUntil(lambda: audit.verdict.text() == "The chain is whole.")
    path = window.worklist.controller.trail.path
    path.write_text(path.read_text().replace("flagged", "rejected"))
    audit.check.click()
    qtbot.waitUntil(lambda: audit.verdict.text().startswith("The chain is broken at line 2"))
