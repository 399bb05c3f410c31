from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.printable import encodable, printable


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
