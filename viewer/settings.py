"""Where Tomolens keeps things, and what it is called. TOMOLENS_HOME puts all of it under one folder (tests do)."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs

NAME = "Tomolens"
NOTICE = "Not a medical device; for research and review."


def application_version() -> str:
    """The installed version; "unknown" where it runs from a plain copy of the sources."""
    try:
        return version("tomolens")
    except PackageNotFoundError:
        return "unknown"


def _folder(kind: str) -> Path:
    home = os.environ.get("TOMOLENS_HOME")
    if home:
        return Path(home) / kind
    find = {
        "state": platformdirs.user_state_path,
        "cache": platformdirs.user_cache_path,
        "config": platformdirs.user_config_path,
        "data": platformdirs.user_data_path,
        "log": platformdirs.user_log_path,
    }[kind]
    return find("tomolens", appauthor=False)


def state_folder() -> Path:
    """The journal of unsaved work."""
    return _folder("state")


def cache_folder() -> Path:
    """What can be made again: the sample, compiled models."""
    return _folder("cache")


def config_folder() -> Path:
    """The user's settings and key map."""
    return _folder("config")


def plugin_folder() -> Path:
    """The user's own plugins."""
    return _folder("data") / "plugins"


def models_folder() -> Path:
    """The user's own models: a folder with card.json and weights for each."""
    return _folder("data") / "models"


def log_folder() -> Path:
    """Log files; they hold no patient data."""
    return _folder("log")
