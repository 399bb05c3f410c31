from __future__ import annotations

import errno

import pytest

from viewer.io.dicom_pixels import ScanError
from viewer.io.failure import OpenError, sentence


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
