"""The one door between what computes and what reports: whatever a computation does, an Outcome comes of it."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from viewer.compute.networks.network import DeviceLost
from viewer.compute.no_network import Offline, no_network, offline_cause
from viewer.compute.progress import Cancelled, Refusal
from viewer.processes.functions import function_of

if TYPE_CHECKING:
    from viewer.compute.engine.job import Job

log = logging.getLogger(__name__)

OUT_OF_MEMORY = "{title} needs more memory than is free: close other images or programs, then run it again."


@dataclass(frozen=True)
class Outcome:
    """How a job ended. sentence: for the user; detail: for the log. spent: its process can compute no more.

    refused: what it was given is at fault, not the job.
    """

    state: Literal["done", "failed", "cancelled"]
    value: Any = None
    sentence: str = ""
    detail: str = ""
    device_lost: bool = False
    refused: bool = False


def run_job(function: str, args: tuple[Any, ...], job: Job) -> Outcome:
    """Call "module:name" as name(job, *args), without a network.

    What it prints goes to standard error: standard output is for results.
    """
    try:
        with redirect_stdout(sys.stderr), no_network():
            return Outcome("done", function_of(function)(job, *args))
    except Cancelled:
        return Outcome("cancelled")
    except Refusal as refusal:
        device_lost, refused = isinstance(refusal, DeviceLost), not isinstance(refusal, (DeviceLost, Offline))
        return Outcome("failed", None, str(refusal), traceback.format_exc(), device_lost, refused)
    except MemoryError:
        return out_of_memory(job)
    except (Exception, SystemExit) as error:
        log.exception("%s failed", function)
        offline = offline_cause(error)
        said = f"{type(error).__name__}: {error}".rstrip(": .")
        sentence = f"{job.title}: {offline}" if offline else f"{job.title} failed ({said}); see the log."
        return Outcome("failed", sentence=sentence, detail=traceback.format_exc())


def out_of_memory(job: Job) -> Outcome:
    """The outcome of a MemoryError that is being handled."""
    return Outcome("failed", sentence=OUT_OF_MEMORY.format(title=job.title), detail=traceback.format_exc())
