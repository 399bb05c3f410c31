"""Colour maps by name, as tables of 256 colours.

"hot iron", "PET" and "hot metal blue" are the standard palettes of DICOM PS3.6 Annex B; viridis, magma, inferno
(Smith, van der Walt 2015), cividis (Nuñez et al. 2018) and turbo (Mikhailov 2019) are sampled at 17 points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Knots = tuple[tuple[int, str], ...]


def _even(colours: str) -> Knots:
    """Knots at even distances from 0 to 255."""
    names = colours.split()
    return tuple((round(n * 255 / (len(names) - 1)), name) for n, name in enumerate(names))


@dataclass(frozen=True)
class Colormap:
    """Colours between knots (place 0…255, "rrggbb") are blended linearly.

    fade: which end of the range lets the layer below shine through when the layer lies on another one.
    """

    knots: Knots
    fade: Literal["", "low", "middle"] = "low"


COLORMAPS: dict[str, Colormap] = {
    "grey": Colormap(_even("000000 ffffff"), fade=""),
    "inverted grey": Colormap(_even("ffffff 000000"), fade=""),
    "hot iron": Colormap(((0, "000000"), (128, "ff0000"), (191, "ff7e00"), (255, "ffffff"))),
    "PET": Colormap(((0, "000000"), (63, "00807d"), (128, "8000ff"), (192, "ff8000"), (255, "ffffff"))),
    "hot metal blue": Colormap(
        (
            (0, "000000"),
            (85, "0000a7"),
            (102, "3200c8"),
            (119, "5a0096"),
            (136, "8c2032"),
            (153, "be4000"),
            (170, "ff6000"),
            (241, "ffe5d2"),
            (255, "ffffff"),
        )
    ),
    "viridis": Colormap(
        _even(
            "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c "
            "1f9f88 27ad81 3dbc74 5cc863 81d34d aadc32 d5e21a fde725"
        )
    ),
    "magma": Colormap(
        _even(
            "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 "
            "cf4070 e55064 f4695c fb8761 fea571 fec287 fde0a1 fcfdbf"
        )
    ),
    "inferno": Colormap(
        _even(
            "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 "
            "d04545 e35933 f1711f f98c0a fcaa0f f9c932 f2e865 fcffa4"
        )
    ),
    "cividis": Colormap(
        _even(
            "00204d 002c69 06366e 2d426c 414d6b 52596c 61646f 6f7073 7d7c78 "
            "8b8779 9b9477 aca174 bcaf6f cebc68 e0cb5e f2da50 ffea46"
        )
    ),
    "turbo": Colormap(
        _even(
            "30123b 4040a2 466be3 4294ff 28bceb 18ddc2 32f298 6dfe62 a4fc3c "
            "cbed34 ecd13a fdae35 fb8122 ec530f d23105 ac1701 7a0403"
        )
    ),
    "difference": Colormap(_even("c8f0ff 4aa8f0 1c50b0 000000 b02c1c f07a3c ffe8b0"), fade="middle"),
    "volume change": Colormap(_even("5ab8ff 1c50b0 000000 8a7410 ffe25c"), fade="middle"),
    "doubt": Colormap(_even("2d0a4e 8c1d6e e0503a fbb03b ffffc8")),  # certain to even odds
    "red": Colormap(_even("000000 ff4030")),
    "green": Colormap(_even("000000 40e060")),
    "blue": Colormap(_even("000000 5090ff")),
}

# One colour within the window, clear outside of it: what a range of values would take. Nobody chooses it for an image.
BOUNDED: dict[str, Colormap] = {"range": Colormap(_even("ffd23f ffd23f"), fade="")}

FADE = 32  # entries over which a fading end goes from clear to solid


@cache
def colour_table(name: str, *, inverted: bool = False, overlay: bool = False) -> NDArray[np.uint8]:
    """RGBA [256, 4] of 0…255. overlay: with the map's clear end, for a layer above another. An unknown name is grey."""
    colormap = (COLORMAPS | BOUNDED).get(name, COLORMAPS["grey"])
    places = [place for place, _ in colormap.knots]
    colours = np.array([tuple(bytes.fromhex(colour)) for _, colour in colormap.knots])
    steps = np.arange(256)
    table = np.full((256, 4), 255, np.uint8)
    for channel in range(3):
        table[:, channel] = np.round(np.interp(steps, places, colours[:, channel]))
    if overlay and colormap.fade:
        distance = steps if colormap.fade == "low" else np.abs(steps - 127.5)
        table[:, 3] = np.round(np.clip(distance / FADE, 0, 1) * 255)
    table = table[::-1].copy() if inverted else table
    table.setflags(write=False)
    return table
