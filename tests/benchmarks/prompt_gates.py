"""The gates of prompted segmentation: python tests/benchmarks/prompt_gates.py WEIGHTS [--structures 14] [--out FILE].

WEIGHTS: a state of the training (segment-prompt.safetensors, of which the averaged weights are taken). The first click
lies in the middle of the structure, each next in the middle of the largest error of that method's own answer. Intervals
are 95 % of a bootstrap over structures. --out writes the gates as a model card has them, and every figure behind them;
--classical takes the figures of the classical methods, which need most of the time, from such files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import prompt_cases
import torch
from numpy.typing import NDArray
from prompt_cases import Case
from scipy.stats import spearmanr

from plugins.segment_prompt.methods import classical
from plugins.segment_prompt.network import PromptNet
from plugins.segment_prompt.prompt_channels import channels
from plugins.segment_prompt.prompts import Mask, Prompts
from plugins.segment_prompt.samples import prompt_simulation
from plugins.segment_prompt.train import read_state
from plugins.training import loop

Method = Callable[[Case, Mask, Prompts], Mask]
CLICKS, SHOWN = 10, (1, 2, 3, 5)
ENOUGH = 0.80  # Dice that a user stops at
SMALL = 2.0  # ml
LEAST = 25  # structures of the label maps
REQUIRED = {"maps": {1: 0.60, 2: 0.70, 5: 0.80}, "real images": {1: 0.50, 2: 0.62, 5: 0.75}}
REAL = ("CT", "MR", "T1 brain", "lesions", "aorta CT")
CLASSICAL: dict[str, Method] = {
    "watershed": lambda case, _, prompts: classical.watershed(case.edges, prompts),
    "geodesic": lambda case, _, prompts: classical.geodesic(case.edges, prompts) > 0.5,
    "random walker": lambda case, _, prompts: classical.random_walker(case.image, prompts) > 0.5,
}
METHODS = (*CLASSICAL, "network")
PLANES = ("axial", "coronal", "sagittal")


class Network:
    """A trained network as a method; `confidence` is the Dice that its last answer expects of itself."""

    def __init__(self, path: Path) -> None:
        self.net = PromptNet().eval().to(memory_format=torch.channels_last_3d)
        self.net.load_state_dict(read_state(path, "average")[0])
        self.confidence = 0.0

    def __call__(self, case: Case, previous: Mask, prompts: Prompts) -> Mask:
        inputs = torch.from_numpy(channels(case.image, case.edges, previous, prompts)[None])
        with torch.inference_mode(), loop.autocast("cpu"):
            probability = self.net(inputs).float().sigmoid().numpy()[0, 0]
        mask = probability > 0.5
        self.confidence = expected_dice(probability, mask)
        return mask


def expected_dice(probability: NDArray[np.float32], mask: Mask) -> float:
    """The soft Dice confidence of Borges et al. (arXiv 2402.10665): near the best estimate without a reference."""
    total = float(probability.sum() + mask.sum())
    return 2 * float(probability[mask].sum()) / total if total else 0.0


def dice(mask: Mask, target: Mask) -> float:
    return 2 * float((mask & target).sum()) / float(mask.sum() + target.sum())


def after_clicks(case: Case, method: Method, clicks: int = CLICKS) -> list[float]:
    """The Dice coefficient after each click; none after the fifth where it is enough."""
    mask, prompts = np.zeros_like(case.target), Prompts.none(case.target.shape)
    scores = []
    while len(scores) < clicks and not (len(scores) >= max(SHOWN) and scores[-1] >= ENOUGH):
        prompts = prompt_simulation.click(prompts, mask, case.target)
        mask = prompts.constrain(method(case, mask, prompts))
        scores.append(dice(mask, case.target))
    return scores


def after_first(case: Case, method: Method) -> dict[str, float]:
    """The Dice coefficient after one scribble in each plane, and after a box."""
    none, scores = Prompts.none(case.target.shape), {}
    rng = np.random.default_rng(0)
    firsts = {
        plane: none.with_marks(prompt_simulation.scribble(case.target, axis, rng), True)
        for axis, plane in enumerate(PLANES)
    }
    for name, prompts in {**firsts, "box": none.with_region(prompt_simulation.box(case.target, rng))}.items():
        scores[name] = dice(prompts.constrain(method(case, np.zeros_like(case.target), prompts)), case.target)
    return scores


def measure(case: Case, network: Network, earlier: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """Everything measured on one structure; earlier: rows by set and name, with clicks of the classical methods."""
    after_clicks(case, network, 1)
    confidence = network.confidence
    known = earlier.get((case.group, case.name), {"clicks": {}})["clicks"]
    scores = {name: known.get(name) or after_clicks(case, method) for name, method in CLASSICAL.items()}
    return {
        "group": case.group,
        "name": case.name,
        "volume": case.volume,
        "confidence": confidence,
        "clicks": {**scores, "network": after_clicks(case, network)},
        "first": after_first(case, network),
    }


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def scores_at(rows: list[dict[str, Any]], method: str, click: int) -> NDArray[np.float64]:
    return np.array([row["clicks"][method][click - 1] for row in rows])


def clicks_needed(rows: list[dict[str, Any]], method: str) -> NDArray[np.float64]:
    """Clicks until the Dice coefficient is ENOUGH; one more than the limit where it never is."""
    reached = [np.array(row["clicks"][method]) >= ENOUGH for row in rows]
    return np.array([one.argmax() + 1.0 if one.any() else CLICKS + 1.0 for one in reached])


def gate(name: str, required: float, measured: float, *, most: bool = False, values: Any = None) -> dict[str, Any]:
    """One gate as a card has it. most: the figure may be at most the required one, not at least."""
    passed = measured <= required if most else measured >= required
    bounds = None if values is None else [round(one, 4) for one in interval(values)]
    figures = {"required": round(float(required), 4), "measured": round(float(measured), 4)}
    return {"name": name, **figures, "interval": bounds, "passed": bool(passed)}


def gates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The gates that can be measured on crops; time and straight cuts are those of the whole tool."""
    real = [row for row in rows if row["group"] in REAL]
    parts = {"maps": [row for row in rows if row["group"] == "maps"], "real images": real}
    found = []
    for part, chosen in parts.items():
        for click, required in REQUIRED[part].items() if chosen else ():
            values = scores_at(chosen, "network", click)
            found.append(gate(f"Dice, {part}, click {click}", required, values.mean(), values=values))
    if not real:
        return found
    return [*found, *_beside_classical(real), *_kinds_of_prompts(rows)]


def incomplete(rows: list[dict[str, Any]]) -> str:
    """What the gates want that was not measured; "" where it all was."""
    groups = [row["group"] for row in rows]
    missing = [name for name in prompt_cases.GROUPS if name not in groups]
    if missing:
        return f"nothing was measured on {', '.join(missing)}"
    return f"fewer than {LEAST} structures of the maps were measured" if groups.count("maps") < LEAST else ""


def _beside_classical(real: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The network minus the best classical method, worst group and click; the ratio of clicks to ENOUGH."""
    worst = {}
    for group in {row["group"] for row in real}:
        rows = [row for row in real if row["group"] == group]
        for click in range(1, 6):
            best = max(CLASSICAL, key=lambda name, at=click, of=rows: scores_at(of, name, at).mean())
            worst[group, click, best] = scores_at(rows, "network", click) - scores_at(rows, best, click)
    (group, click, best), values = min(worst.items(), key=lambda item: item[1].mean())
    fewest = min(float(np.median(clicks_needed(real, name))) for name in CLASSICAL)
    ratio = float(np.median(clicks_needed(real, "network"))) / fewest
    name = f"Dice above the best classical method, worst case ({group}, click {click}: {best})"
    return [
        gate(name, 0.0, values.mean(), values=values),
        gate(f"median clicks to Dice {ENOUGH:.2f} over those of the best classical method", 0.6, ratio, most=True),
    ]


def _kinds_of_prompts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    firsts = {name: np.array([row["first"][name] for row in rows]) for name in (*PLANES, "box")}
    means = [firsts[plane].mean() for plane in PLANES]
    gain = firsts["box"] - scores_at(rows, "network", 2)
    return [
        gate("Dice after a scribble, difference between planes", 0.02, max(means) - min(means), most=True),
        gate("Dice after one 3-D box above that after 2 clicks", 0.0, gain.mean(), values=gain),
    ]


def table(rows: list[dict[str, Any]]) -> None:
    """Mean Dice with its interval by set and by size, and the clicks needed, method by method."""
    groups = {name: [row for row in rows if row["group"] == name] for name in prompt_cases.GROUPS}
    groups["real images"] = [row for row in rows if row["group"] in REAL]
    groups[f"under {SMALL:g} ml"] = [row for row in rows if row["volume"] < SMALL]
    groups[f"{SMALL:g} ml and more"] = [row for row in rows if row["volume"] >= SMALL]
    heads = "".join(f"{f'click {click}':>19}" for click in SHOWN)
    print(f"{'set':16}{'n':>4}  {'method':14}{heads}  clicks to {ENOUGH:.2f}")
    for group, chosen in groups.items():
        for method in METHODS if chosen else ():
            cells = ""
            for click in SHOWN:
                values = scores_at(chosen, method, click)
                low, high = interval(values)
                cells += f"  {values.mean():.3f} [{low:.2f}, {high:.2f}]"
            needed = float(np.median(clicks_needed(chosen, method)))
            print(f"{group:16}{len(chosen):4}  {method:14}{cells}  {needed:g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--structures", type=int, default=13, help="of each image, at most")
    parser.add_argument("--sets", nargs="+", choices=list(prompt_cases.GROUPS), default=list(prompt_cases.GROUPS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--classical", type=Path, nargs="+", default=[])
    options = parser.parse_args()
    known = [row for path in options.classical for row in json.loads(path.read_text())["structures"]]
    earlier = {(row["group"], row["name"]): row for row in known}
    network, rows = Network(options.weights), []
    for group in options.sets:
        try:
            rows += [measure(case, network, earlier) for case in prompt_cases.cases(group, options.structures)]
        except FileNotFoundError as error:
            print(f"{group}: skipped, for its data is not there ({error.filename}); set TOMOLENS_DATA to their folder")
    if not rows:
        return
    table(rows)
    doubt = spearmanr([row["confidence"] for row in rows], scores_at(rows, "network", 1)).statistic
    print(f"rank correlation of expected and true Dice after click 1: {doubt:.2f}")
    found, lacking = gates(rows), incomplete(rows)
    for one in found:
        verdict = "passed" if one["passed"] else "FAILED"
        print(f"{verdict}  {one['name']}: {one['measured']} (required {one['required']})")
    if lacking:
        print(f"These are not yet the gates: {lacking}.")
    if options.out:
        figures = {"gates": [] if lacking else found, "structures": rows}
        options.out.write_text(json.dumps(figures, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
