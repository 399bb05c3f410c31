"""Which of a network's classes are wanted, as a person types them."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase

from viewer.api import Refusal, class_term


def asked_names(text: str) -> list[str]:
    """What stands between commas, as names are compared; empty for all classes."""
    return [_plain(part) for part in text.split(",") if part.strip()]


def is_asked(name: str, asked: str) -> bool:
    """Whether a class is meant by a name, its own or that of its term; * and ? stand for what may be there."""
    return any(fnmatchcase(_plain(one), asked) for one in (name, class_term(name)[0]))


def chosen_labels(text: str, labels: dict[int, str], title: str) -> set[int]:
    """The labels that are wanted. Raises Refusal for a name that no class has."""
    asked = asked_names(text)
    for one in asked:
        if not any(is_asked(name, one) for name in labels.values()):
            near = get_close_matches(one, [_plain(name) for name in labels.values()], n=3, cutoff=0.5)
            names = [name for name in labels.values() if _plain(name) in near] or list(labels.values())[:5]
            raise Refusal(f"the model {title} knows no class “{one}”; it knows {', '.join(names)} …")
    return {value for value, name in labels.items() if not asked or any(is_asked(name, one) for one in asked)}


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
