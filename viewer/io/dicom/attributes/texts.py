"""The texts of a pydicom data set, decoded as the index decodes them (see `character_sets`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement

from viewer.io.dicom.attributes.character_sets import decode
from viewer.io.dicom.attributes.values import CHARSET, PADDING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TEXTS = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
SINGLE = ("LT", "ST", "UT")  # a backslash is a letter in them


def decode_texts(ds: Dataset, inherited: str = "") -> Dataset:
    """The data set with its texts beyond ASCII decoded, those of its sequences too. Changes and returns `ds`."""
    charset = _charset(ds) or inherited
    for tag in list(ds.keys()):
        raw = ds.get_item(tag)
        vr = raw.VR or (dictionary_VR(tag) if dictionary_has_tag(tag) else "UN")
        if vr == "SQ":
            for item in ds[tag].value or ():
                decode_texts(item, charset)
        elif vr in TEXTS and isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
            _decode(ds, raw, vr, charset)
    return ds


def _charset(ds: Dataset) -> str:
    """Specific Character Set as stored, whether pydicom has parsed it or not."""
    told = ds.get_item(CHARSET).value if CHARSET in ds else None
    if isinstance(told, bytes):
        return told.decode("latin-1").strip(PADDING)
    return told if isinstance(told, str) else "\\".join(told or ())


def _decode(ds: Dataset, raw: RawDataElement, vr: str, charset: str) -> None:
    """One element, where it holds more than ASCII."""
    value = raw.value or b""
    if value.isascii() and b"\x1b" not in value:
        return
    text = decode(value, charset, person=vr == "PN").text.strip(PADDING)
    parts = [text] if vr in SINGLE else text.split("\\")
    ds[raw.tag] = DataElement(raw.tag, vr, parts if len(parts) > 1 else parts[0])
