from __future__ import annotations

import errno

import pytest

from viewer.io.errors import OpenError, ScanError, refuse_damage, sentence
from viewer.io.reader.load_plan import base_name


@pytest.mark.parametrize("error", [OpenError("Ours."), ScanError("Ours.")])
def test_our_own_failures_speak_for_themselves(error: Exception) -> None:
    assert sentence(error) == "Ours."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/p/Doe^John"), "ask its owner for permission"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/p/Doe^John"), "not there"),
        (OSError(errno.EIO, "Input/output error", "/p/Doe^John"), "the drive failed"),
        (OSError(errno.EBUSY, "Device or resource busy", "/p/Doe^John"), "device or resource busy"),
        (MemoryError(), "needs more memory"),
        (RecursionError("maximum recursion depth of Doe^John"), "damaged or not in a form"),
        (KeyError("Doe^John"), "KeyError"),
    ],
)
def test_foreign_failures_are_one_sentence_without_content(error: Exception, words: str) -> None:
    said = sentence(error)
    assert words in said
    assert "Doe" not in said
    assert said.endswith(".")
    assert "\n" not in said


def test_what_a_line_of_ours_raises_does_not_call_the_file_damaged() -> None:
    with pytest.raises(AttributeError) as ours:
        base_name(None)  # type: ignore[arg-type]
    assert "damaged" not in sentence(ours.value)
    assert sentence(ours.value).endswith("report it.")
    with pytest.raises(ValueError, match="literal") as theirs:
        int("a line of something else")
    assert "damaged" in sentence(theirs.value)


@pytest.mark.parametrize("error", [ValueError("Doe"), KeyError("Doe"), NotImplementedError(), OSError("no tag")])
def test_what_a_parser_raises_is_damage_in_a_sentence(error: Exception) -> None:
    with pytest.raises(OpenError, match=r"^It is damaged\.$"), refuse_damage("It is damaged."):
        raise error


@pytest.mark.parametrize("error", [OpenError("Ours."), PermissionError(errno.EACCES, "no"), MemoryError()])
def test_what_is_no_damage_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, refuse_damage("It is damaged."):
        raise error
    assert raised.value is error
