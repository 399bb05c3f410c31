"""Which model files that are code the user lets run: by their SHA-256, so that a changed file is asked for again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.compute.progress import Refusal
from viewer.files.checksum import sha256_of
from viewer.settings import config_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger(__name__)


def digest(files: Iterable[Path], folder: Path | None = None) -> str:
    """SHA-256 of a file; of several with their names, relative to `folder`."""
    paths = sorted(files)
    if len(paths) == 1:
        return sha256_of(paths[0])
    names = [(path.relative_to(folder) if folder else Path(path.name)).as_posix() for path in paths]
    lines = "".join(f"{sha256_of(path)}  {name}\n" for path, name in zip(paths, names, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def is_trusted(sha256: str) -> bool:
    """True where the user let these very files run."""
    return sha256 in _read()


def trust(sha256: str) -> None:
    """Let these files run, now and later."""
    known = _read() | {sha256}
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(sorted(known), indent=1), encoding="utf-8")
    part.replace(path)


def require_trust(title: str, what: str, sha256: str) -> None:
    """Raises Refusal unless these files are trusted. what: the code in them, "TorchScript" …."""
    if not is_trusted(sha256):
        raise Refusal(
            f"the model {title} is code ({what}) and can do whatever a program can: get it from a source you trust, "
            f"compare its SHA-256 ({sha256}), then run it again with “trust” switched on."
        )


def _file() -> Path:
    return config_folder() / "trusted.json"


def _read() -> set[str]:
    try:
        return {str(one) for one in json.loads(_file().read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, TypeError) as error:
        log.warning("the list of trusted models cannot be read, so none is trusted: %s", type(error).__name__)
        return set()
