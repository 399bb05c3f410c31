"""What pages of a report have in common: one HTML file with everything in it.

Only what Qt's rich text knows of HTML is used, so that the same text becomes the PDF: tables for the layout, and
pictures with their sizes.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INK: dict[str, str] = {"": "#1b1f24", "good": "#1c6a40", "warning": "#7d4e00", "rejected": "#b0261f", "dim": "#565f6b"}
PICTURE, WIDTH = 200, 690  # pixels: the largest side of a picture, and what a row of them may take
STYLE = f"""\
body {{ font-family: "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, "Noto Sans CJK SC", "WenQuanYi Micro Hei",
    sans-serif; font-size: 9pt; color: {INK[""]}; max-width: 760px; }}
h1 {{ font-size: 15pt; margin: 0; }}
p {{ margin: 2px 0; }}
td {{ padding: 1px 6px 1px 0; vertical-align: top; }}
"""


@dataclass(frozen=True)
class Picture:
    """png: the bytes of a square PNG picture."""

    title: str
    png: bytes


def page(title: str, body: Iterable[str], language: str = "en") -> str:
    """The whole page with its title on top. body: HTML whose texts are escaped. language: BCP 47."""
    return "\n".join(
        (
            f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *body,
            "</body></html>\n",
        )
    )


def pictures(rows: Iterable[Sequence[Picture]]) -> str:
    """Rows of pictures with their titles; "" without any."""
    lines = "".join(
        f"<tr>{''.join(_picture(one, min(PICTURE, WIDTH // len(row))) for one in row)}</tr>" for row in rows
    )
    return f'<table cellspacing="0" cellpadding="2">{lines}</table>' if lines else ""


def line(text: str, ink: str) -> str:
    """A paragraph in one of the inks."""
    return f'<p style="color: {INK[ink]}">{escape(text)}</p>'


def dim(text: str) -> str:
    """A text that is read second."""
    return f'<span style="color: {INK["dim"]}">{escape(text)}</span>'


def _picture(picture: Picture, side: int) -> str:
    data = b64encode(picture.png).decode("ascii")
    title = escape(picture.title)
    shown = f'<img src="data:image/png;base64,{data}" width="{side}" height="{side}" alt="{title}">'
    return f"<td>{shown}<br>{dim(picture.title)}</td>"
