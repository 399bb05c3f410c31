"""The wheel scrolls a panel and changes no field on its way."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar
from two_patients import both, click_plugin, double_click

FIELDS = (QComboBox, QAbstractSpinBox, QAbstractSlider)


def looks(field):
    """What a field says."""
    if isinstance(field, QComboBox):
        return field.currentIndex()
    return field.value() if isinstance(field, QAbstractSlider) else field.text()


def roll(window, widget):
    """Turn the wheel over the middle of a widget, as the mouse does."""
    where = widget.mapTo(window, widget.rect().center())
    for steps in (-120, -120, 240):
        QTest.wheelEvent(window.windowHandle(), where, QPoint(0, steps))


def test_the_wheel_changes_no_field_that_has_no_focus(window, session, studies, qtbot):
    both(window, session, qtbot, "lung", "liver")
    click_plugin(window, "Denoise")
    window.views.slices.setFocus()
    met = 0
    for place in range(window.inspector.count()):
        window.inspector.setCurrentIndex(place)
        QApplication.processEvents()
        for kind in FIELDS:
            for field in window.docks.right.findChildren(kind):
                if isinstance(field, QScrollBar) or not field.isVisible() or field.visibleRegion().isEmpty():
                    continue
                before = looks(field)
                roll(window, field)
                assert looks(field) == before, field.accessibleName()
                assert not field.hasFocus(), field.accessibleName()
                met += field.isEnabled()
    assert met > 10


def test_the_wheel_scrolls_the_form_and_changes_the_field_that_has_focus(window, session, studies, qtbot):
    double_click(window, session, qtbot, "lung")
    page = click_plugin(window, "Denoise")
    window.plugins.area.setMaximumHeight(160)  # whatever the font, the form is longer
    QApplication.processEvents()
    bar = window.plugins.area.verticalScrollBar()
    method = next(one for one in page.form.findChildren(QComboBox) if one.isEnabled() and one.count() > 1)

    def turn(up):
        QApplication.processEvents()  # the page is laid out
        window.plugins.area.ensureWidgetVisible(method)
        where = method.mapTo(window, method.rect().center())
        QTest.wheelEvent(window.windowHandle(), where, QPoint(0, 120 if up else -120))

    before, at = method.currentIndex(), bar.value()
    turn(up=at == bar.maximum())
    assert method.currentIndex() == before
    assert bar.value() != at
    method.setFocus()
    turn(up=before > 0)
    assert method.currentIndex() != before
