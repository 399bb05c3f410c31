"""Failures in one sentence that a person can act on."""

from __future__ import annotations

import errno
import logging

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


class OpenError(ValueError):
    """Something cannot be opened; the message is one sentence for the user."""


def sentence(error: BaseException) -> str:
    """What went wrong in words for the user: our own failures speak for themselves, foreign ones are translated."""
    if type(error).__module__.startswith("viewer.") and str(error):
        return str(error)
    log.warning("a foreign file could not be read: %s", type(error).__name__)
    if isinstance(error, MemoryError):
        return "It needs more memory than the reader may take; it was not opened."
    if isinstance(error, OSError) and error.errno in REASONS:
        return f"It cannot be opened: {REASONS[error.errno]}"
    if isinstance(error, OSError) and error.strerror:
        return f"It cannot be opened: {error.strerror.lower()}."
    return f"It is damaged or not in a form that Tomolens knows ({type(error).__name__}); it was not opened."
