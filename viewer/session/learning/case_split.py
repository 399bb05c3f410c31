"""Which accepted cases are learned from and which are held back: fixed by the hash of whose they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HELD_BACK = 3  # every third case, by its hash
SALT = b"Tomolens case"
LONE = (
    "Only one case has accepted structures: accept those of a second one, on which the tuned model is held against the "
    "one that it came from."
)
USED = "The model to be tuned knows all of these cases: accept structures of another one, to have both parts."


@dataclass(frozen=True)
class Split:
    """Hashes of cases, sorted."""

    train: tuple[str, ...] = ()
    held_back: tuple[str, ...] = ()


def case_hash(identity: str) -> str:
    """What a card knows a case by, 32 hexadecimal digits: slow on purpose, so that nobody tries all patient ids.

    The same on every machine (scrypt, RFC 7914), so that a case is known again wherever a model is tuned further.
    """
    return hashlib.scrypt(identity.encode("utf-8", "surrogatepass"), salt=SALT, n=1 << 14, r=8, p=1, dklen=16).hex()


def split_cases(cases: Iterable[str], before: Split) -> Split:
    """The two parts of the cases. before: those of the model that is tuned; its cases stay in their part.

    A new case goes by its own hash, but where one part would be empty: then the new one with the lowest hash changes
    sides. Raises ValueError, one sentence, where there are not two cases, or one part stays empty.
    """
    every = set(cases)
    if len(every) < 2:
        raise ValueError(LONE)
    new = sorted(every - {*before.train, *before.held_back})
    held_back = every.intersection(before.held_back) | {case for case in new if int(case, 16) % HELD_BACK == 0}
    train = every - held_back
    if new and not (train and held_back):
        held_back ^= {new[0]}
        train = every - held_back
    if not (train and held_back):
        raise ValueError(USED)
    return Split(tuple(sorted(train)), tuple(sorted(held_back)))
