"""nnInteractive as a method of prompts: whether it is installed, where its weights are, whose licence was accepted."""

from __future__ import annotations

import hashlib
import json
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from viewer.compute.model_files.licence import weights_licence
from viewer.compute.progress import Refusal
from viewer.settings import config_folder

log = logging.getLogger(__name__)

METHOD = "nnInteractive"  # a value of the plugin's parameter, and the name of the package
CHECKPOINTS = "fold_*/checkpoint_final.pth"
MISSING = "nnInteractive is not installed: “pip install nninteractive” beside Tomolens, and get its weights."
OFFICIAL = (
    "No licence lies beside these weights. The official ones are given under Creative Commons "
    "Attribution-NonCommercial-ShareAlike 4.0 (CC BY-NC-SA 4.0): not for commercial use, and what is made of them, "
    "such as a network tuned on them, is given under the same terms. https://creativecommons.org/licenses/by-nc-sa/4.0/"
)


class NnInteractive:
    """What the user chose, kept in a file of the configuration folder: another licence has to be accepted anew."""

    @property
    def problem(self) -> str:
        """Why it cannot be used, "" where it can."""
        return "" if find_spec(METHOD) else MISSING

    @property
    def weights(self) -> Path | None:
        """The folder whose licence was accepted; None where there is none, or it is there no longer."""
        stored = self._read()
        folder = Path(str(stored.get("weights", "")))
        if not is_weights(folder):
            return None
        try:
            return folder if stored.get("licence") == _digest(licence(folder)) else None
        except Refusal:
            log.warning("the licence of nnInteractive's weights cannot be read any more", exc_info=True)
            return None

    def accept(self, folder: Path, text: str) -> None:
        """Use the weights of a folder, whose licence, this text, the user has read and accepts. Raises OSError."""
        stored = {"weights": str(folder), "licence": _digest(text)}
        self._file().parent.mkdir(parents=True, exist_ok=True)
        self._file().write_text(json.dumps(stored, indent=1), encoding="utf-8")

    def settings(self) -> dict[str, Any]:
        """What the plugin segment_prompt is told of it."""
        weights = self.weights
        return {"weights": weights, "licence_accepted": weights is not None}

    def _file(self) -> Path:
        return config_folder() / "nninteractive.json"

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._file().read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            log.warning("what was chosen of nnInteractive cannot be read", exc_info=True)
            return {}
        return stored if isinstance(stored, dict) else {}


def is_weights(folder: Path) -> bool:
    """Whether a folder holds weights as nnInteractive's makers give them."""
    return (folder / "plans.json").is_file() and any(folder.glob(CHECKPOINTS))


def licence(folder: Path) -> str:
    """The text that has to be accepted. Raises Refusal where it cannot be read."""
    return weights_licence(folder) or OFFICIAL


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
