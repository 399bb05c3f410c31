"""Computations that the engine's tests run in its process, found there as "engine_jobs:…"."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.compute.engine.job import Job
from viewer.compute.progress import Refusal


def double(job: Job, value: NDArray[Any]) -> NDArray[Any]:
    for step in range(5):
        job.progress(step / 5, f"step {step}")
    job.preview(value[:1])
    return value * 2


def where(job: Job) -> tuple[int, str, bool]:
    job.progress(1.0)
    return os.getpid(), job.device, "torch" in sys.modules


def write_to(job: Job, value: NDArray[Any]) -> None:
    value[0] = 1


def walk(job: Job, seconds: float) -> str:
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        job.progress((time.monotonic() - start) / seconds)
        time.sleep(0.002)
    return "arrived"


def fall_back(job: Job) -> None:
    for fraction in (0.2, 0.6, 0.4, 1.4):
        time.sleep(0.06)
        job.progress(fraction)


def deaf(job: Job, seconds: float) -> str:
    job.progress(0.1, "deaf now")
    time.sleep(seconds)
    return "heard nothing"


def hold_the_interpreter(job: Job, seconds: float) -> str:
    """Compute in C without ever letting another thread of the process run."""
    library = ctypes.PyDLL(None)
    end = time.monotonic() + seconds
    sys.setswitchinterval(1000)
    while time.monotonic() < end:
        library.rand()
    return "done"


def die(job: Job, how: str) -> None:
    job.progress(0.5)
    os.kill(os.getpid(), signal.Signals[how])
    time.sleep(10)


def leave(job: Job) -> None:
    sys.exit(3)


def eat_memory(job: Job) -> None:
    import resource

    size = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, size[1]))
    try:
        np.ones(1 << 33, np.uint8)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, size)


def refuse(job: Job) -> None:
    raise Refusal("The image is too flat: choose one with several slices.")


def stumble(job: Job) -> None:
    job.title = "Stumbling"
    print("not for standard output")
    raise KeyError("nothing")


def unpicklable(job: Job) -> Any:
    return lambda: None


def start_child(job: Job, file: str) -> None:
    import subprocess

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(file).write_text(str(child.pid))
    job.progress(0.5, "started")
    time.sleep(60)


def lose_the_device(job: Job) -> None:
    from viewer.compute.networks.network import DeviceLost

    raise DeviceLost("cuda:0")


def call_out(job: Job, way: str, port: int) -> str:
    """Ask for the network in one of many ways; what comes of it."""
    import socket
    import subprocess
    import urllib.request

    job.title = "Calling"
    if way == "connection":
        socket.create_connection(("127.0.0.1", port), 5)
    elif way == "page":
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
    elif way == "name":
        socket.getaddrinfo("tomolens.invalid", 80)
    elif way == "datagram":
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("::1", port))
    elif way == "thread":
        with ThreadPoolExecutor(1) as pool:
            pool.submit(socket.create_connection, ("127.0.0.1", port), 5).result()
    elif way == "optional":
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
        except OSError:
            return "without"
    elif way == "program":
        told = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
        subprocess.run([sys.executable, "-c", told], check=True, capture_output=True)
    elif way == "between processes":
        here, there = multiprocessing.Pipe()
        there.send("heard")
        return str(here.recv())
    return "connected"
