"""Private attributes (PS3.5 7.8.1): a creator reserves a block of 256 elements in a group, any that is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.io.dicom.attributes.values import Values

# By group: the low bytes of the elements that are read, whoever their creator is.
ELEMENTS = {
    0x0019: (0x0A, 0x0C, 0x0D, 0x0E, 0x27, 0xBB, 0xBC, 0xBD),  # Siemens: mosaic, diffusion weighting; GE: direction
    0x0029: (0x10,),  # Siemens: CSA image header
    0x0043: (0x39,),  # GE: b-value
    0x0065: (0x09, 0x37, 0x50),  # United Imaging: b-value, direction, slices in a mosaic
    0x2001: (0x03, 0x04),  # Philips: b-value, kind of direction
    0x2005: (0xB0, 0xB1, 0xB2),  # Philips: direction
}
BLOCKS = range(0x10, 0x100)
# The creators of these groups, and the elements in all of their blocks.
TAGS = frozenset(group << 16 | block for group in ELEMENTS for block in BLOCKS) | {
    group << 16 | block << 8 | low for group, lows in ELEMENTS.items() for block in BLOCKS for low in lows
}

UIH = (0x0065, "image private header")  # United Imaging; element 51 is a sequence with the slices of a mosaic
PRIVATE_SEQUENCES = frozenset(UIH[0] << 16 | block << 8 | 0x51 for block in BLOCKS)


def is_private_sequence(values: Values, tag: int) -> bool:
    """Whether an element is such a sequence; the same element of another creator may be anything."""
    return tag in PRIVATE_SEQUENCES and values.text(tag & 0xFFFF0000 | tag >> 8 & 0xFF).lower() == UIH[1]


def blocks_of(values: Values) -> dict[tuple[int, str], int]:
    """The first tag of the block that each creator has reserved, by group and creator in lower case."""
    found: dict[tuple[int, str], int] = {}
    for tag in values.raw:
        group, block = tag >> 16, tag & 0xFFFF
        if group & 1 and 0x10 <= block <= 0xFF:
            found.setdefault((group, values.text(tag).lower()), group << 16 | block << 8)
    return found


def without_private(raw: dict[int, bytes]) -> dict[int, bytes]:
    """The standard attributes only."""
    return {tag: value for tag, value in raw.items() if not tag >> 16 & 1}
