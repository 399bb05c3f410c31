"""Failures in one sentence that a person can act on."""

from __future__ import annotations

import errno
import logging
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

REASONS = {
    errno.EACCES: "it may not be read: ask its owner for permission to read it.",
    errno.EPERM: "it may not be read: ask its owner for permission to read it.",
    errno.ENOENT: "it is not there (any more): reconnect the drive or open its folder again.",
    errno.ENOTDIR: "it is not there (any more): reconnect the drive or open its folder again.",
    errno.EISDIR: "it is a folder, not a file.",
    errno.EIO: "the drive failed while it was read: check the drive or copy the file again.",
    errno.ELOOP: "it is a link that leads back to itself.",
    errno.ENAMETOOLONG: "its path is longer than this system takes: move it to a folder with a shorter path.",
    errno.EMFILE: "too many files are open: close some images and try again.",
    errno.ESTALE: "the network drive is gone: connect it again.",
}

UNOPENED = "It cannot be opened: {}"
# What is said of a file whose place went away after it was found there.
GONE = {UNOPENED.format(REASONS[number]) for number in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)}

# What parsers raise at bytes that they do not expect.
DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NotImplementedError, RecursionError,
    RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip


class OpenError(ValueError):
    """Something cannot be opened; the message is one sentence for the user."""


class FrameError(OpenError):
    """One frame cannot be decoded; others of the same file or series may."""


class ScanError(ValueError):
    """A file that is no image we can show; the message is one sentence for the user."""


class NoImageError(ScanError):
    """A DICOM object of another kind: its SOP class tells which."""

    def __init__(self, sop_class: str, sentence: str) -> None:
        super().__init__(sentence)
        self.sop_class = sop_class


class SaveError(Exception):
    """Why nothing was saved and what to do about it: one sentence for the user."""


@contextmanager
def refuse_damage(sentence: str, *also: type[Exception]) -> Iterator[None]:
    """What a parser raises at damaged bytes becomes an OpenError with this sentence; what the drive does stays.

    also: kinds of the parser's own.
    """
    kinds: tuple[type[Exception], ...] = (*DAMAGE, *also)
    try:
        yield
    except OpenError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise OpenError(sentence) from error  # pydicom's, of bytes that are not there
    except kinds as error:
        raise OpenError(sentence) from error


def sentence(error: BaseException) -> str:
    """What went wrong in words for the user: our own failures speak for themselves, foreign ones are translated."""
    if type(error).__module__.startswith("viewer.") and str(error):
        return str(error)
    name = type(error).__name__
    log.warning("a foreign file could not be read: %s", name)
    if isinstance(error, MemoryError):
        return "It needs more memory than the reader may take; it was not opened."
    if isinstance(error, OSError) and error.errno in REASONS:
        return UNOPENED.format(REASONS[error.errno])
    if isinstance(error, OSError) and error.strerror:
        return UNOPENED.format(f"{error.strerror[:1].lower()}{error.strerror[1:]}.")
    if _raised_here(error):
        return f"Tomolens is not prepared for what it holds ({name}), which may be no fault of the file; report it."
    return f"It is damaged or not in a form that Tomolens knows ({name}); it was not opened."


def _raised_here(error: BaseException) -> bool:
    """Whether it was raised by a line of this program, not by one of a library."""
    traceback, module = error.__traceback__, ""
    while traceback is not None:
        module, traceback = traceback.tb_frame.f_globals.get("__name__", ""), traceback.tb_next
    return module.startswith("viewer.")
