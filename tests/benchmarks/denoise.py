"""The trained denoiser against its peers, in one run; with --write, its cards' gates and docs/denoise.md.

    python tests/benchmarks/denoise.py [--peers-python PATH] [--write]
    python tests/benchmarks/denoise.py --seconds    # those of 128³ voxels alone, again, into card and page

PATH is the Python of another environment with dipy and bm4d (baselines for developers, never dependencies).
TOMOLENS_DATA names the real images. Everybody is told the true noise level, but where the column says that it is
estimated. ITK's curvature diffusion gets the number of steps that is best for each image, which only the truth can
tell. Figures are taken inside the object, not in the background.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

sys.path.insert(0, str(Path(__file__).parents[2]))

import denoise_cases
import denoise_gates
from denoise_cases import Case
from denoise_methods import BEST, OURS, PEERS, ours, results

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "resources" / "models"
PAGE = ROOT / "docs" / "denoise.md"
Made = dict[str, list[tuple[np.ndarray, float]]]


def figures(image: np.ndarray, case: Case) -> tuple[float, float]:
    """PSNR in dB and SSIM, inside."""
    error = float(np.mean((image - case.reference)[case.inside].astype(np.float64) ** 2))
    map_ = structural_similarity(case.reference, image, data_range=case.peak, full=True)[1]
    return float(10 * np.log10(case.peak**2 / error)), float(map_[case.inside].mean())


def table(cases: list[Case], made: Made) -> str:
    lines = ["| image, noise | " + " | ".join(made) + " |", "|---" * (len(made) + 1) + "|"]
    for number, case in enumerate(cases):
        row = [case.name]
        for all_ in made.values():
            image, seconds = all_[number]
            told = np.isnan(seconds)
            psnr, ssim = (np.nan, np.nan) if told else figures(image, case)
            row.append("–" if told else f"{psnr:.2f} / {ssim:.3f}" + (f" / {seconds:.1f}" if seconds else ""))
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


class Gates:
    """As a card lists them."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def add(self, name: str, required: float, measured: float, interval=None, *, most: bool = False) -> None:
        """most: the measured figure may be at most, else must be at least, what is required."""
        row = {"name": name, "required": required, "measured": round(measured, 4)}
        row["interval"] = None if interval is None else [round(x, 4) for x in interval]
        self.rows.append(row | {"passed": bool(measured <= required if most else measured >= required)})

    def against_peers(self, cases: list[Case], made: Made) -> None:
        """The worst image of each kind, against each peer."""
        for peer, required in ((PEERS["nlm"], 1.0), (PEERS["bm4d"], -0.3)):
            kinds = dict.fromkeys(case.name.split()[0].rstrip(",") for case in cases) if peer in made else ()
            for kind in kinds:
                chosen = [n for n, case in enumerate(cases) if case.name.startswith(kind)]
                gains = [denoise_gates.gain_interval(made[BEST][n][0], made[peer][n][0], cases[n]) for n in chosen]
                worst = int(np.argmin([gain[0] for gain in gains]))
                name = f"PSNR above {peer}, worst of {kind} ({cases[chosen[worst]].name}), dB"
                self.add(name, required, gains[worst][0], gains[worst][1:])

    def harm(self, cases: list[Case], made: Made, flat: bool) -> None:
        """What it must not do."""
        worst = max(abs(denoise_gates.bias(made[BEST][n][0], case)) for n, case in enumerate(cases))
        self.add("mean of the residual, worst image, in units of the noise", 0.02, worst, most=True)
        if not flat:
            for diameter, (mean, low, high) in denoise_gates.contrast_kept(ours(True, flat)).items():
                self.add(f"contrast kept of spheres of {diameter} mm", 0.95, mean, (low, high))
        still = denoise_gates.residual_without_noise(ours(True, flat))
        self.add("change of a noise-free image, in units of the noise told", 0.3, still, most=True)

    def time(self, flat: bool) -> None:
        """On as many cores as there are; the aim is for two."""
        for name, mirrored in ((OURS, False), (BEST, True)):
            times = denoise_gates.seconds(ours(mirrored, flat))
            said = f"seconds for 128³ voxels on 2 cores ({name})"
            self.add(said, 4.0, float(np.median(times)), (min(times), max(times)), most=True)


def measured(name: str, cases: list[Case], python: str) -> tuple[str, list[dict]]:
    """The page's part for one model, and its gates."""
    made = results(cases, python)
    gates = Gates()
    gates.against_peers(cases, made)
    gates.harm(cases, made, cases[0].flat)
    gates.time(cases[0].flat)
    sizes = "PSNR in dB / SSIM / seconds; images of about 96³ voxels."
    return f"### {name}\n\n{table(cases, made)}\n\n{sizes}\n\n{gate_table(gates.rows)}", gates.rows


def gate_table(rows: list[dict]) -> str:
    lines = ["| gate | required | measured | interval | |", "|---|---|---|---|---|"]
    for row in rows:
        between = "" if row["interval"] is None else "{:.3f} … {:.3f}".format(*row["interval"])
        word = "passed" if row["passed"] else "**not passed**"
        lines.append(f"| {row['name']} | {row['required']} | {row['measured']:.3f} | {between} | {word} |")
    return "\n".join(lines)


def write_card(name: str, rows: list[dict]) -> None:
    path = MODELS / name / "card.json"
    card = json.loads(path.read_text())
    card["gates"] = rows
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def write_page(parts: list[str]) -> None:
    """The part of the page between its marks."""
    begin, end = "<!-- measured -->", "<!-- /measured -->"
    text = PAGE.read_text()
    head, tail = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    PAGE.write_text("\n\n".join([head, *parts, tail]))


def timed_again(name: str, flat: bool) -> None:
    """Put the seconds of now in the place of those that the card and the page tell."""
    gates = Gates()
    gates.time(flat)
    print(name, gate_table(gates.rows), sep="\n", flush=True)
    card = json.loads((MODELS / name / "card.json").read_text())
    new = {row["name"]: row for row in gates.rows}
    before = gate_table(card["gates"])
    rows = [new.get(row["name"], row) for row in card["gates"]]
    PAGE.write_text(PAGE.read_text().replace(before, gate_table(rows)))
    write_card(name, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers-python", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--seconds", action="store_true")
    options = parser.parse_args()
    if options.seconds:
        timed_again("denoise-haar", flat=False)
        timed_again("denoise-haar-thick", flat=True)
        return
    parts = []
    for name, cases in (
        ("denoise-haar", denoise_cases.solid()),
        ("denoise-haar-thick", denoise_cases.thick()),
    ):
        part, rows = measured(name, list(cases), options.peers_python)
        print(part, end="\n\n", flush=True)
        parts.append(part)
        if options.write:
            write_card(name, rows)
    if options.write:
        write_page(parts)


if __name__ == "__main__":
    main()
