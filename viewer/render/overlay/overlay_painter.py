"""Paints an Overlay. Every text is drawn once with its halo and kept as a picture: a frame only places pictures."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
)

from viewer.render.colormaps import colour_table
from viewer.render.overlay.finding_marks import paint_finding_marks
from viewer.render.overlay.marks_painter import paint_marks, paint_ring, paint_strokes
from viewer.render.overlay.overlay import (
    ACCENT,
    AI,
    DANGER,
    DIM,
    REGION,
    TEXT,
    WARNING,
    ColorBar,
    Cross,
    Line,
    Outline,
    Overlay,
    Wipe,
)
from viewer.render.overlay.prompt_marks import paint_prompt_marks

HANDLE, LABELS = 5, 0.32  # px: radius of the wipe's handle; where along its line the two words stand
EDGE, GAP, TICK = 10, 14, 12  # px: margin, half the opening at the cross-hair's centre, length of edge marks
HALO = QColor(0, 0, 0, 130)  # laid over itself it comes to nearly black
AROUND = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
KEPT = 256  # pictures of texts
MARKS = (AI, WARNING, DANGER)


class OverlayPainter:
    """Holds the pictures of the texts of one view."""

    def __init__(self, size: int) -> None:
        self._font = QFont()
        self._font.setPixelSize(size)
        self._font.setFeature(QFont.Tag("tnum"), 1)  # digits of one width: counting numbers do not dance
        self._metrics = QFontMetricsF(self._font)
        self._texts: OrderedDict[tuple[str, str, float], QPixmap] = OrderedDict()
        self._bars: dict[str, QPixmap] = {}
        self._line = self._metrics.height() + 1

    def paint(self, painter: QPainter, overlay: Overlay, width: int, height: int) -> None:
        """All of it, on a view of this size in logical pixels."""
        if overlay.cross:
            self._cross(painter, overlay.cross, width, height)
        if overlay.wipe:
            self._wipe(painter, overlay.wipe, width, height)
        if overlay.outline:
            self._outline(painter, overlay.outline, width, height)
        if overlay.strokes:
            paint_strokes(painter, overlay.strokes)
        if overlay.ring:
            paint_ring(painter, overlay.ring)
        paint_prompt_marks(painter, overlay.prompts)
        paint_finding_marks(painter, overlay.findings, lambda text, color: self._text(painter, Line(text, color)))
        paint_marks(painter, overlay.marks, partial(self._text, painter))
        bars = self._color_bars(painter, overlay.color_bars, width, height)
        self._corners(painter, overlay, width, height)
        self._edges(painter, overlay, width, bars, height)
        if overlay.message:
            self._message(painter, overlay.message, width, height)
        if overlay.loading < 1:
            painter.fillRect(QRectF(0, 0, width * overlay.loading, 2), QColor(ACCENT))
        if overlay.active:
            painter.setPen(QPen(QColor(ACCENT), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(0.5, 0.5, width - 1, height - 1))

    def _corners(self, painter: QPainter, overlay: Overlay, width: int, height: int) -> None:
        foot = height - EDGE
        for lines, right, bottom in (
            (overlay.top_left, False, False),
            (overlay.top_right, True, False),
            (overlay.bottom_left, False, True),
            (overlay.bottom_right, True, True),
        ):
            top = foot - self._line * len(lines) if bottom else EDGE
            for row, line in enumerate(lines):
                picture = self._text(painter, self._short(line, width, name=right and not bottom))
                x = width - EDGE - _width(picture) if right else EDGE
                _draw_picture(painter, x, top + row * self._line, picture)

    def _edges(self, painter: QPainter, overlay: Overlay, width: int, bars: float, height: int) -> None:
        left, right, top, bottom = (self._text(painter, Line(letters)) for letters in overlay.edges)
        tall, bar = self._line, overlay.scale_bar
        foot = height - EDGE - tall
        if bar:
            foot -= tall + 12
            self._scale_bar(painter, bar.pixels, bar.text, width, height)
        _draw_picture(painter, EDGE, (height - tall) / 2, left)
        _draw_picture(painter, width - bars - EDGE - _width(right), (height - tall) / 2, right)
        _draw_picture(painter, (width - _width(top)) / 2, EDGE, top)
        _draw_picture(painter, (width - _width(bottom)) / 2, foot, bottom)

    def _scale_bar(self, painter: QPainter, length: float, text: str, width: float, height: int) -> None:
        left, y = round((width - length) / 2), height - EDGE - 4
        for color, thick in ((QColor(0, 0, 0, 210), 4), (QColor(TEXT), 2)):
            painter.setPen(QPen(color, thick, c=Qt.PenCapStyle.FlatCap))
            painter.drawLine(QPointF(left, y), QPointF(left + length, y))
            painter.drawLine(QPointF(left, y - 4), QPointF(left, y + 4))
            painter.drawLine(QPointF(left + length, y - 4), QPointF(left + length, y + 4))
        picture = self._text(painter, Line(text, DIM))
        _draw_picture(painter, (width - _width(picture)) / 2, y - 6 - self._line, picture)

    def _color_bars(self, painter: QPainter, bars: tuple[ColorBar, ...], width: int, height: int) -> float:
        """Paints them along the right edge; returns the room they take at half the height, where a letter stands."""
        taken = beside = 0.0
        tall = round(height * 0.3)
        for bar in bars:
            upper = self._text(painter, Line(f"{bar.upper} {bar.unit}".strip()))
            lower = self._text(painter, Line(bar.lower))
            room, wide = max(_width(upper), _width(lower), 12.0), 12.0
            right, top = width - EDGE - taken, (height - tall) // 2
            _draw_picture(painter, right - _width(upper), top - self._line - 2, upper)
            _draw_picture(painter, right - _width(lower), top + tall + 2, lower)
            box = QRectF(right - 12, top, 12, tall)
            painter.fillRect(box.adjusted(-1, -1, 1, 1), QColor(TEXT))
            picture = self._bar(bar.colormap)
            painter.drawPixmap(box, picture, QRectF(picture.rect()))
            if bar.middle:
                middle = self._text(painter, Line(bar.middle))
                _draw_picture(painter, box.left() - 4 - _width(middle), box.center().y() - self._line / 2, middle)
                wide = 16 + _width(middle)
            beside = taken + wide + 8
            taken += max(room, wide) + 8
        return beside

    def _cross(self, painter: QPainter, cross: Cross, width: int, height: int) -> None:
        x, y = int(cross.x) + 0.5, int(cross.y) + 0.5
        near = (GAP if cross.full else None, GAP if cross.full else None)
        for color, at, span, upright in ((cross.upright, y, height, True), (cross.level, x, width, False)):
            painter.setPen(QPen(QColor(color), 1))
            first = at - GAP if near[0] else TICK
            second = at + GAP if near[1] else span - TICK
            for start, end in ((0.0, min(first, span)), (max(second, 0.0), float(span))):
                if start < end:
                    a, b = (QPointF(x, start), QPointF(x, end)) if upright else (QPointF(start, y), QPointF(end, y))
                    painter.drawLine(a, b)

    def _wipe(self, painter: QPainter, wipe: Wipe, width: int, height: int) -> None:
        """The line with its handle in the middle, and on either side what is seen there."""
        before, after = self._text(painter, wipe.before), self._text(painter, wipe.after)
        at = round(wipe.at) + 0.5
        if wipe.upright:
            ends, middle = (QPointF(at, 0), QPointF(at, height)), QPointF(at, height / 2)
            top = round(height * LABELS)
            places = QPointF(at - HANDLE - 2 - _width(before), top), QPointF(at + HANDLE + 2, top)
        else:
            ends, middle = (QPointF(0, at), QPointF(width, at)), QPointF(width / 2, at)
            left = round(width * LABELS)
            places = QPointF(left, at - HANDLE - self._line), QPointF(left, at + HANDLE)
        for color, thick in ((QColor(0, 0, 0, 160), 3), (QColor(ACCENT), 1)):
            painter.setPen(QPen(color, thick))
            painter.drawLine(*ends)
        painter.setBrush(QColor(ACCENT))
        painter.setPen(QPen(QColor(0, 0, 0, 200), 1))
        painter.drawEllipse(middle, HANDLE, HANDLE)
        for place, picture in zip(places, (before, after), strict=True):
            _draw_picture(painter, place.x(), place.y(), picture)

    def _outline(self, painter: QPainter, outline: Outline, width: int, height: int) -> None:
        """The region, and its numbers right of it, or left where there is no room."""
        shape = QPolygonF([QPointF(x, y) for x, y in outline.corners])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for color, thick in ((QColor(0, 0, 0, 160), 3.5), (QColor(REGION), 1.5)):
            painter.setPen(QPen(color, thick))
            painter.drawPolygon(shape)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pictures = [self._text(painter, line) for line in outline.lines]
        wide = max(map(_width, pictures), default=0)
        box = shape.boundingRect()
        left = box.right() + 6 if box.right() + 6 + wide < width else box.left() - 6 - wide
        left = min(max(left, EDGE), width - EDGE - wide)
        top = min(max(box.center().y() - self._line * len(pictures) / 2, EDGE), height - EDGE - self._line * 3)
        for row, picture in enumerate(pictures):
            _draw_picture(painter, left, top + row * self._line, picture)

    def _message(self, painter: QPainter, message: str, width: int, height: int) -> None:
        pictures = [self._text(painter, Line(text, DIM)) for text in message.splitlines()]
        top = (height - self._line * len(pictures)) / 2
        for row, picture in enumerate(pictures):
            _draw_picture(painter, (width - _width(picture)) / 2, top + row * self._line, picture)

    def _short(self, line: Line, width: int, *, name: bool = False) -> Line:
        """The line cut to less than half the view, so that opposite corners never meet; a layer's name in its middle.

        A mark or a warning is never cut: half of "AI, not reviewed" would say the opposite.
        """
        room = width * 0.46 - EDGE
        if line.color in MARKS or self._metrics.horizontalAdvance(line.text) <= room:
            return line
        mode = Qt.TextElideMode.ElideMiddle if name else Qt.TextElideMode.ElideRight
        return Line(self._metrics.elidedText(line.text, mode, room), line.color)

    def _text(self, painter: QPainter, line: Line) -> QPixmap:
        ratio = painter.device().devicePixelRatioF()
        key = (line.text, line.color, ratio)
        if key not in self._texts:
            self._texts[key] = self._draw(line, ratio)
            while len(self._texts) > KEPT:
                self._texts.popitem(last=False)
        self._texts.move_to_end(key)
        return self._texts[key]

    def _draw(self, line: Line, ratio: float) -> QPixmap:
        wide = int(self._metrics.horizontalAdvance(line.text)) + 4
        image = QImage(
            max(1, round(wide * ratio)), round(self._line * ratio), QImage.Format.Format_ARGB32_Premultiplied
        )
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        brush = QPainter(image)
        brush.setFont(self._font)
        at = QPointF(2, self._metrics.ascent() + 0.5)
        brush.setPen(HALO)
        for dx, dy in AROUND:  # sixteen times as fast as stroking the outline
            brush.drawText(at + QPointF(dx, dy), line.text)
        brush.setPen(QColor(line.color))
        brush.drawText(at, line.text)
        brush.end()
        return QPixmap.fromImage(image)

    def _bar(self, colormap: str) -> QPixmap:
        if colormap not in self._bars:
            rows = colour_table(colormap)[::-1].copy()
            image = QImage(rows.data, 1, len(rows), 4, QImage.Format.Format_RGBA8888)
            self._bars[colormap] = QPixmap.fromImage(image.copy())
        return self._bars[colormap]


def _width(picture: QPixmap) -> float:
    return picture.width() / picture.devicePixelRatio()


def _draw_picture(painter: QPainter, x: float, y: float, picture: QPixmap) -> None:
    """Place a text on whole pixels of the screen: between them thin strokes vanish."""
    ratio = picture.devicePixelRatio()
    painter.drawPixmap(QPointF(round(x * ratio) / ratio, round(y * ratio) / ratio), picture)
