"""The look: legible in both themes, at every text size."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLabel

from viewer.ui.widgets import theme


def contrast(first: QColor, second: QColor) -> float:
    """The contrast ratio of two colours, 1…21 (WCAG 2.2, 1.4.3)."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else float(((c + 0.055) / 1.055) ** 2.4)
        for c in (colour.redF(), colour.greenF(), colour.blueF())
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize("ground", ["chrome", "panel", "raised"])
@pytest.mark.parametrize("ink", ["text", "dim", "accent", "ai", "warning", "danger", "good"])
def test_every_text_colour_is_legible_on_every_ground(name, ground, ink):
    colours = theme.THEMES[name]
    assert contrast(QColor(colours[ink]), QColor(colours[ground])) >= 4.5


def test_contrast_of_black_on_white_is_21():
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)


def test_text_and_sizes_grow_with_the_scale(qapp):
    heights = []
    for scale in (1.0, 2.0):
        theme.apply(qapp, "dark", scale)
        label = QLabel("Ag")
        label.ensurePolished()
        heights.append(label.sizeHint().height())
        label.deleteLater()
    theme.apply(qapp)
    assert QApplication.font().pixelSize() == theme.TEXT_SIZE
    assert heights[1] >= 1.8 * heights[0]


def test_an_icon_follows_the_theme(qapp):
    theme.apply(qapp, "dark")
    eye = theme.icon("visible")
    dark = _ink(eye)
    theme.apply(qapp, "light")
    light = _ink(eye)
    theme.apply(qapp)
    assert dark.lightness() > 150 > 100 > light.lightness()


@pytest.mark.parametrize("name", theme.GLYPHS)
def test_every_named_icon_is_in_the_set(qapp, name):
    assert _ink(theme.icon(name)).alpha() > 128


def _ink(icon) -> QColor:
    picture = icon.pixmap(40, 40).toImage()
    return max((picture.pixelColor(x, y) for x in range(40) for y in range(40)), key=QColor.alpha)
