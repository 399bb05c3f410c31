from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.printable_text import encodable, printable


@given(st.text(st.characters(codec=None)))
def test_every_text_can_be_written_as_utf8_and_a_plain_one_stays(text: str) -> None:
    encodable(text).encode()
    assert "\n" not in printable(text + "\n")
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert encodable(text) == text


@pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
def test_bytes_of_a_name_are_told() -> None:
    assert encodable(os.fsdecode(b"caf\xe9\n")) == "caf\\xe9\n"
    assert printable(os.fsdecode(b"caf\xe9\n\x1b[1m")) == "caf\\xe9\\x0a\\x1b[1m"
    assert printable("a\u202eb\u2066\ud800") == "a\\u202eb\\u2066\\ud800"
    assert printable("Müller × 3 – ≥ 日本") == "Müller × 3 – ≥ 日本"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\r\n\x7f\x85", "a\\x09b\\x0d\\x0a\\x7f\\x85"),
        ("\u202edoc.exe\u202c", "\\u202edoc.exe\\u202c"),
        ("\u2067x\u2069\u200e\u200f\u061c", "\\u2067x\\u2069\\u200e\\u200f\\u061c"),
        ("Do\u200be\ufeff\u2060\u00ad", "Do\\u200be\\ufeff\\u2060\\xad"),
        ("Do\u200de", "Do\\u200de"),
        ("\ue000\U000f0001\U000e0041", "\\ue000\\U000f0001\\U000e0041"),
        ("Z\u0335\u0334\u0336\u0337\u0338\u0321" + "\u0322" * 5000 + "o", "Z\u0335\u0334\u0336\u0337…o"),
    ],
)
def test_what_is_not_seen_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        "محمّد بن عبد الله",
        "علی\u200cرضا",  # Persian, with the joiner that it is written with
        "שָׁלוֹם",
        "山田^太郎=ヤマダ^タロウ",
        "김희중",
        "กิ่งแก้ว ที่รัก",
        "क्ष\u094d\u200dय",
        "Nguye\u0302\u0303n",
        "Jos\u00e9 O\u2019Neill – µm² ⚠ × ≥ \u00a0·",
    ],
)
def test_names_of_all_scripts_stay(name: str) -> None:
    assert printable(name) == name


@given(st.text(st.characters(codec=None)))
def test_twice_is_once(text: str) -> None:
    assert printable(printable(text)) == printable(text)
