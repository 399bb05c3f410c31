"""What must be said about an image, as a stable code for programs and a sentence for people."""

from __future__ import annotations

from typing import NamedTuple

UNMEASURED = "not for measurement"  # the badge of an image whose pixel size is not known


class Notice(NamedTuple):
    """Something a reader of an image must know.

    code: a stable kebab-case noun ("no-pixel-spacing"), listed in docs/formats.md. sentence: what is so, and what
    follows from it. badge: its short form for the corner of a view, "" where the sentence alone is enough.
    """

    code: str
    sentence: str
    badge: str = ""
