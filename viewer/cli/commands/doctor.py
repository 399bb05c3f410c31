"""`doctor`: what this machine offers, what is missing, and the one line that cures it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from rich.text import Text

from viewer.compute.devices import devices
from viewer.files.memory_limit import available_memory, total_memory
from viewer.settings import application_version, cache_folder, log_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from viewer.data.arrays import Json

LIBRARIES = ("PySide6-Essentials", "vtk", "torch", "SimpleITK", "pydicom", "numpy", "highdicom")
CODECS = {  # package -> what it decodes
    "python-gdcm": "JPEG, JPEG lossless, JPEG-LS, JPEG 2000",
    "pylibjpeg-openjpeg": "JPEG 2000, HTJ2K",
    "pylibjpeg-rle": "RLE",
    "pyjpegls": "JPEG-LS",
}


def doctor(graphics: Callable[[], str]) -> Json:
    """The document that `doctor --json` prints. graphics: names the OpenGL renderer, or raises RuntimeError."""
    checks = [
        _check("version", True, f"Tomolens {application_version()}, Python {sys.version.split()[0]}"),
        *(_library(name) for name in LIBRARIES),
        *(_codec(name, what) for name, what in CODECS.items()),
        _memory(),
        _processor(),
        *_folders(),
        _sample(),
        _graphics(graphics),
    ]
    return {"ok": all(check["ok"] for check in checks), "checks": checks}


def _check(name: str, ok: bool, found: str, cure: str | None = None) -> Json:
    return {"name": name, "ok": ok, "found": found, "cure": None if ok else cure}


def _library(name: str) -> Json:
    try:
        return _check(name, True, version(name))
    except PackageNotFoundError:
        return _check(name, False, "not installed", f"pip install -c constraints.txt {name}")


def _codec(name: str, what: str) -> Json:
    check = _library(name)
    return {**check, "name": f"codec {name}", "found": f"{check['found']} ({what})"}


def _memory() -> Json:
    free = available_memory()
    found = f"{free / 2**30:.1f} GB free of {total_memory() / 2**30:.1f} GB"
    return _check("memory", free > 2 << 30, found, "Close other programs: less than 2 GB is free.")


def _processor() -> Json:
    found = "; ".join(f"{device.name} ({device.memory / 2**30:.1f} GB)" for device in devices())
    return _check("devices", True, f"{found}; {os.cpu_count()} processor cores")


def _folders() -> list[Json]:
    checks = []
    for name, folder in (("journal", state_folder()), ("cache", cache_folder()), ("log", log_folder())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
            cure = f"Free some space on the disk of {folder}."
            checks.append(_check(f"{name} folder", free > 1 << 30, f"{folder}, {free / 2**30:.0f} GB free", cure))
        except OSError as error:
            checks.append(_check(f"{name} folder", False, f"{folder}: {error.strerror}", f"Make {folder} writable."))
    return checks


def _sample() -> Json:
    there = importlib.util.find_spec("nilearn") is not None
    return _check("sample", there, "available" if there else "not installed", 'pip install "tomolens[sample]"')


def _graphics(graphics: Callable[[], str]) -> Json:
    try:
        return _check("OpenGL", True, graphics())
    except RuntimeError as error:
        return _check("OpenGL", False, str(error), "Install a graphics driver, or Mesa: apt install libgl1-mesa-dri")


def show(document: Json, console: Console) -> None:
    """Print it for people."""
    for check in document["checks"]:
        sign = ("ok  ", "green") if check["ok"] else ("look", "red")
        console.print(Text.assemble(sign, f" {check['name']}: {check['found']}"))
        if check["cure"]:
            console.print(f"       -> {check['cure']}", highlight=False)
