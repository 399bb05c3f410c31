"""Where a computed value came from: enough to name it, explain it and make it again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

ALTERED = "AI-altered"  # what every mark of values that a trained model had a part in can be told by, in files too


@dataclass(frozen=True)
class Provenance:
    """One run of a plugin. Parameters are JSON values; times are ISO 8601 with zone; seconds are wall time."""

    plugin: str
    plugin_version: str
    application_version: str
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()  # SOP instance or series UIDs; a file's SHA-256 where there is no UID
    device: str = "cpu"
    precision: str = "float32"
    engine: str = ""  # the library that did the work and its version
    model: str = ""
    model_sha256: str = ""
    started: str = ""
    seconds: float = 0.0
    learned: bool = False  # True where a trained model made the result: it is then marked "AI"

    def to_json(self) -> dict[str, Any]:
        """A JSON object with every field."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Provenance:
        """The inverse of to_json. Raises TypeError for unknown or missing fields."""
        return cls(**{**document, "inputs": tuple(document.get("inputs", ()))})


def is_learned(provenance: Provenance | None, badges: Iterable[str] = ()) -> bool:
    """True where a trained model made or altered values: by provenance, or by a mark that a file brought along."""
    return bool(provenance and provenance.learned) or any(badge.startswith("AI") for badge in badges)
