"""How a command ends badly: the exit code and one sentence with the cure."""

from __future__ import annotations


class Failure(Exception):
    """Base of the three ways; its text is the sentence, `code` the exit code."""

    code: int


class JobFailed(Failure):
    """What was asked for could not be done."""

    code = 1


class WrongUse(Failure):
    """The command line is wrong."""

    code = 2


class BadInput(Failure):
    """A file is missing, unreadable or not what the command takes."""

    code = 3
