"""Where a NIfTI file says twice where it lies, the window offers the other place where it says so."""

from __future__ import annotations

from tests.fixtures.two_placements import two_placements
from viewer.io.images.image_files import describe_image
from viewer.session.review.case_loader import _unnamed_image

TEXT = "Open again by its qform"


def test_it_is_offered_beside_the_warning_in_the_menu_and_in_the_list(window, session, tmp_path, qtbot):
    action, button = window.actions_["other_placement"], window.info.other_button
    assert not action.isVisible()
    window.open([two_placements(tmp_path / "a.nii")])
    qtbot.waitUntil(lambda: len(session.studies.images) == 1 and not session.tasks[0].running)
    (image,) = next(iter(session.studies.images.values()))
    session.studies.load(image)
    qtbot.waitUntil(lambda: action.isVisible() and button.isVisibleTo(window.info))
    (first,) = session.document.volume_layers
    assert (action.text(), button.text(), button.isVisibleTo(window.info)) == (TEXT, TEXT, True)
    (patient,) = window.studies.tree.root.children
    (row,) = patient.children[0].children
    assert TEXT in [one.text() for one in window.studies.context_menu([row]).actions()]
    button.click()
    qtbot.waitUntil(lambda: len(session.document.volume_layers) == 2)
    second = session.document.volume_layers[1]
    assert (second.source.placement, first.visible, second.visible) == (("qform",), False, True)
    qtbot.waitUntil(lambda: action.text() == "Open again by its sform")
    action.trigger()
    qtbot.waitUntil(lambda: first.visible and not second.visible)
    assert len(session.document.volume_layers) == 2


def test_a_blinded_list_offers_nothing_that_bears_a_name(tmp_path):
    shown = _unnamed_image(describe_image(str(two_placements(tmp_path / "smith.nii"))), "Case 3")
    assert (shown.other, shown.title, shown.source.placement) == (None, "Case 3", ("sform",))
