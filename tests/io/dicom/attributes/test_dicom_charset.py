"""Every character set of PS3.3 C.12.1.1.2: the standard's own examples, all code points, and what writers do wrong."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.dicom_indexed import STRAIGHT, one_sentence, only
from tests.fixtures.dicom_phantom import dataset, ramp, write, write_series
from viewer.io.dicom.attributes.character_sets import G1, UPPER, decode
from viewer.io.dicom.attributes.texts import decode_texts
from viewer.io.images.save import save_image
from viewer.io.reader.reader import index_now, load_now

KATAKANA = b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"
# PS3.5 annexes H to K, bytes as printed there.
EXAMPLES = {
    "H.3.1": (
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    "H.3.2": (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        KATAKANA + b"=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    "I.2": (
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    "J.1": (
        "ISO_IR 192",
        b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=",
        "Wang^XiaoDong=王^小東",
    ),
    "J.3": ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东"),
    "J.4": ("GBK", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东"),
    "K.2": (
        "\\ISO 2022 IR 58",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东",
    ),
}


def named(path: Path, charset: str, raw: bytes) -> Path:
    """A file whose patient's name is these bytes."""
    raw += b" " * (len(raw) % 2)
    held = "X" * len(raw)
    ds = dataset(ramp((4, 5)), PatientName=held, SpecificCharacterSet=charset.split("\\"))
    write(path, ds, ramp((4, 5)))
    path.write_bytes(path.read_bytes().replace(held.encode(), raw))
    return path


@pytest.mark.parametrize(("charset", "raw", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_examples_of_the_standard(tmp_path: Path, charset: str, raw: bytes, expected: str) -> None:
    path = named(tmp_path / "one.dcm", charset, raw)
    image = only([path])
    assert image.source.patient_name == expected
    assert "character-set" not in [notice.code for notice in image.notices]
    assert str(decode_texts(pydicom.dcmread(path)).PatientName).rstrip("=") == expected


@pytest.mark.parametrize("number", sorted(UPPER))
def test_every_set_alone_and_by_its_escape_sequence(number: str) -> None:
    codec = UPPER[number]
    letters = "".join(
        letter
        for n in range(0xA1, 0x100)
        if len(letter := bytes([n]).decode(codec, "ignore")) == 1 and letter.isalpha()
    )
    letters = letters or {"149": "김희중", "58": "张小东"}[number]
    raw = letters.encode(codec)
    escape = next(sequence for sequence, meant in G1.items() if meant == codec)
    assert decode(b"A" + raw, f"ISO_IR {number}").text == "A" + letters
    assert decode(b"A\x1b" + escape + raw, f"\\ISO 2022 IR {number}", person=True) == ("A" + letters, "")


def test_kanji_whose_bytes_are_delimiters_stay_whole() -> None:
    letters = "春構彰浄"  # the first begins with the byte of "=", others hold those of a backslash and ^
    raw = b"A^\x1b$B" + letters.encode("iso2022-jp")[3:-3] + b"\x1b(B=B"
    assert any(byte in raw[5:-5] for byte in b"=\\^")
    assert decode(raw, "\\ISO 2022 IR 87", person=True).text == f"A^{letters}=B"


def test_the_supplementary_kanji_set() -> None:
    letters = "丂侄"
    raw = b"\x1b$(D" + bytes(byte & 0x7F for part in letters for byte in part.encode("euc-jp")[1:]) + b"\x1b(B"
    assert decode(raw, "\\ISO 2022 IR 159").text == letters


def test_an_end_of_a_part_ends_what_an_escape_sequence_began() -> None:
    raw = b"\x1b-F\xc1^\xe4\\\xe4"  # Greek, then the first set again
    assert decode(raw, "ISO 2022 IR 100\\ISO 2022 IR 126", person=True).text == "Α^ä\\ä"
    assert decode(raw, "ISO 2022 IR 100\\ISO 2022 IR 126").text == "Α^δ\\ä"


@pytest.mark.parametrize(
    ("charset", "raw", "expected", "said"),
    [
        ("ISO_IR 100", "Müller^Zoë".encode(), "Müller^Zoë", "are UTF-8"),
        ("", "Müller^Zoë".encode(), "Müller^Zoë", "are UTF-8"),
        ("ISO_IR 144", "Иванов^Иван".encode(), "Иванов^Иван", "are UTF-8"),
        ("ISO_IR 6", "Müller".encode("latin-1"), "Müller", "Western European"),
        ("", "Müller".encode("latin-1"), "Müller", "Western European"),
        ("ISO_IR 192", "Müller".encode("latin-1"), "Müller", "not in UTF-8"),
        ("GB18030", "王小东".encode(), "王小东", "are UTF-8"),
        ("ISO_IR 999", "Müller".encode("latin-1"), "Müller", "Western European"),
        ("\\ISO 2022 IR 149", "洪^吉洞".encode("euc-kr"), "洪^吉洞", "lack the escape sequences"),
    ],
)
def test_letters_under_a_wrong_set_are_read_and_said(
    tmp_path: Path, charset: str, raw: bytes, expected: str, said: str
) -> None:
    image = only([named(tmp_path / "one.dcm", charset, raw)])
    assert image.source.patient_name == expected
    (notice,) = [notice for notice in image.notices if notice.code == "character-set"]
    assert said in notice.sentence
    assert one_sentence(notice.sentence)


@pytest.mark.parametrize(
    "charset", ["ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 144", "ISO_IR 148"]
)
def test_letters_of_the_set_named_are_left_alone(charset: str) -> None:
    names = {"ISO_IR 144": "ЛЮДКОВСКИЙ", "ISO_IR 101": "Dvořák^Žižka", "ISO_IR 110": "Ķēniņš", "ISO_IR 109": "Ĝuĥ"}
    name = names.get(charset, "Äöü^Ñandú Østergård" if charset == "ISO_IR 100" else "Çağ")
    assert decode(name.encode(UPPER[charset.split()[1]]), charset) == (name, "")


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO IR 192", "iso_ir 192", " ISO_IR 192 "])
def test_names_of_sets_may_be_badly_spelt(charset: str) -> None:
    assert decode("Zoë 王".encode(), charset) == ("Zoë 王", "")


@given(st.binary(), st.sampled_from(["", "ISO_IR 100", "\\ISO 2022 IR 87", "\\ISO 2022 IR 149", "GBK", "x\\y"]))
def test_no_bytes_raise_anything(raw: bytes, charset: str) -> None:
    for person in (False, True):
        assert isinstance(decode(raw, charset, person=person).text, str)


@given(st.text(st.characters(codec="cp949", categories=("Lo", "Lu", "Ll")), min_size=1, max_size=12))
def test_korean_names_come_back(name: str) -> None:
    raw = b"".join(b"\x1b$)C" + letter.encode("cp949") if letter > "\x7f" else letter.encode() for letter in name)
    assert decode(raw, "\\ISO 2022 IR 149", person=True) == (name, "")


def test_a_derived_series_has_the_name_that_was_shown(tmp_path: Path) -> None:
    _, raw, expected = EXAMPLES["K.2"]
    paths = write_series(tmp_path / "in", ramp(STRAIGHT.shape), STRAIGHT, PatientName="X" * 40)
    for path in paths:
        written = path.read_bytes().replace(b"X" * 40, raw.ljust(40))
        path.write_bytes(written.replace(b"ISO_IR 192", b"ISO_IR 58 "))
    (image,), _ = index_now([str(tmp_path / "in")])
    assert image.source.patient_name == expected
    saved = save_image(load_now(image), tmp_path / "out", "dicom")
    assert str(pydicom.dcmread(saved.paths[0]).PatientName).rstrip("=") == expected
