"""A model in one file: both networks at half precision, their calibration, and the input gate.

python -m plugins.diagnose_brain_tumour.model_file RUN --block all --calibrate 0 1 2 3 4 --out FILE.safetensors

RUN: the folder of a training. The calibration is fitted on what the networks of those blocks answer to them, the gate
on all slices of the folder that TOMOLENS_DATA names.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .calibration import GRID, Calibration
from .diagnosis import TumourDiagnosis
from .fit_calibration import (
    EVERY,
    UNCALIBRATED,
    Answers,
    emptied,
    fit_calibration,
    fit_gate,
    read_nets,
    reference_features,
)
from .input_gate import InputGate
from .networks import TumourFinder, TypeReader
from .samples.labelled_slices import BLOCKS, LabelledSlices, read_labelled_slices


def write_model(path: Path, diagnosis: TumourDiagnosis, gate: InputGate) -> None:
    """All of it, in tensors."""
    values = [float(v) for v in astuple(diagnosis.calibration)[:3]]
    tensors: dict[str, Tensor] = {
        "calibration.values": torch.tensor(values, dtype=torch.float64),
        "calibration.interval": torch.from_numpy(np.stack([diagnosis.calibration.low, diagnosis.calibration.high])),
        **{f"gate.{name}": value for name, value in gate.tensors().items()},
    }
    for part, net in (("find", diagnosis.finder), ("read", diagnosis.reader)):
        tensors |= {f"{part}.{name}": value.half().contiguous() for name, value in net.state_dict().items()}
    save_file(tensors, path)


def read_model(path: Path) -> tuple[TumourDiagnosis, InputGate]:
    """What `write_model` wrote.

    Raises
    ------
    ValueError
        in a sentence, where the file is cut, of another network, or holds what is no number
    """
    try:
        tensors = load_file(path)
        finder, reader = TumourFinder(), TypeReader()
        for part, net in (("find", finder), ("read", reader)):
            _fill(net, {n.removeprefix(f"{part}."): t for n, t in tensors.items() if n.startswith(f"{part}.")})
        gate = InputGate(*(tensors[f"gate.{field.name}"].float().numpy() for field in fields(InputGate)))
        temperature, slope, offset = tensors["calibration.values"].tolist()
        low, high = tensors["calibration.interval"].reshape(2, len(GRID)).numpy()
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path.name} is no whole model of the brain tumour type: get it anew.") from error
    if not all(torch.isfinite(value).all() for value in tensors.values()):
        raise ValueError(f"{path.name} holds values that are no numbers: get it anew.")
    return TumourDiagnosis(finder, reader, Calibration(temperature, slope, offset, low, high)), gate


def _fill(net: nn.Module, state: dict[str, Tensor]) -> None:
    net.load_state_dict({name: value.float() for name, value in state.items()})
    net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out


def calibrated(run: Path, blocks: list[int], slices: LabelledSlices) -> Calibration:
    """On the answers of each block's networks to that block."""
    true, empty = [], []
    for block in blocks:
        diagnosis = TumourDiagnosis(*read_nets(run, block), UNCALIBRATED)
        rows = slices.split(block)[1]
        true.append(Answers.of(diagnosis, slices.images[rows]))
        empty.append(Answers.of(diagnosis, emptied(slices, rows[::EVERY])))
    rows = np.concatenate([slices.split(block)[1] for block in blocks])
    return fit_calibration(Answers.joined(true), Answers.joined(empty), slices, rows)


def main() -> None:
    """Write a model from the folder of a training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--block", default="all")
    parser.add_argument("--calibrate", nargs="+", type=int, default=list(range(BLOCKS)))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    slices = read_labelled_slices(Path(os.environ["TOMOLENS_DATA"]))
    finder, reader = read_nets(options.run, options.block)
    gate = fit_gate(reference_features(reader, slices), slices, None)
    calibration = calibrated(options.run, options.calibrate, slices)
    write_model(options.out, TumourDiagnosis(finder, reader, calibration), gate)


if __name__ == "__main__":
    main()
