"""Devices to compute on, found out without importing torch: the window must not wait for that."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from viewer.compute.progress import Refusal
from viewer.files.memory_limit import available_memory, total_memory

QUERY = ("--query-gpu=index,name,memory.total,memory.free", "--format=csv,noheader,nounits")
MEBIBYTE = 1 << 20
WITHOUT_CUDA = "torch is installed without CUDA: pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128"


@dataclass(frozen=True)
class Device:
    """A device. id: as torch names it. memory, free: bytes. cure: why it cannot be used, if so, and what helps."""

    id: str
    name: str
    memory: int
    free: int
    cure: str = ""


def devices() -> tuple[Device, ...]:
    """The processor, then the graphics cards. Takes up to a second where there are some: not for the main thread."""
    cpu = Device("cpu", processor(), total_memory(), available_memory())
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return cpu, Device("mps", "Apple GPU", cpu.memory, cpu.free)
    return cpu, *_nvidia()


def choose_device(wanted: str, *, gpu: bool) -> str:
    """The id of the device for "auto", "cpu" or "cuda" … . gpu: whether what is to run can use a graphics card at all.

    Raises Refusal, one sentence, where the wanted device cannot be used.
    """
    if wanted == "cpu" or (wanted == "auto" and not gpu):
        return "cpu"
    if not gpu:
        raise Refusal(f"This runs on the processor only, not on {wanted}: choose auto or cpu.")
    there = [device for device in devices() if device.id != "cpu"]
    usable = [device.id for device in there if not device.cure]
    if wanted == "auto":
        return usable[0] if usable else "cpu"
    named = [device for device in there if wanted in (device.id, device.id.partition(":")[0])]
    if not named:
        raise Refusal(f"There is no device {wanted} here: choose {', '.join(['auto', 'cpu', *usable])}.")
    if named[0].cure:
        raise Refusal(f"{named[0].name} cannot be used: {named[0].cure}")
    return named[0].id


def _nvidia() -> list[Device]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        found = subprocess.run([program, *QUERY], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [_card(line) for line in found.stdout.splitlines() if line.count(",") == 3]


def _card(line: str) -> Device:
    """A line of nvidia-smi: index, name, MiB in all, MiB free; "[N/A]" where the driver does not say."""
    index, name, total, free = (part.strip() for part in line.split(","))
    size, left = (int(text) * MEBIBYTE if text.isdigit() else 0 for text in (total, free))
    return Device(f"cuda:{index}", name, size, left, WITHOUT_CUDA if _without_cuda() else "")


def _without_cuda() -> bool:
    try:
        return version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return True


def processor() -> str:
    """The processor's name, as the system tells it."""
    table = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in table.read_text().splitlines() if line.startswith("model name")]
        if table.exists()
        else []
    )
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"
