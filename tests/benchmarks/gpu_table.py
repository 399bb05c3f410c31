"""Rows of measurements with their limits, and the table that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """what: was measured. measured, limit: as they are printed. passed: within the limit, or there is none."""

    what: str
    measured: str
    limit: str = ""
    passed: bool = True


def at_most(what: str, measured: float, limit: float) -> Row:
    return Row(what, f"{measured:.4g}", f"≤ {limit:g}", bool(measured <= limit))


def at_least(what: str, measured: float, limit: float) -> Row:
    return Row(what, f"{measured:.4g}", f"≥ {limit:g}", bool(measured >= limit))


def equal(what: str, measured: object, wanted: object) -> Row:
    return Row(what, str(measured), str(wanted), measured == wanted)


def table(steps: Sequence[tuple[str, float, Sequence[Row]]]) -> str:
    """step, its seconds and its rows: one Markdown table, and a last line that counts what did not pass."""
    lines = ["| step | measured | value | limit | |", "|---|---|---|---|---|"]
    for step, seconds, rows in steps:
        for row in rows:
            word = "**not passed**" if not row.passed else "passed" if row.limit else ""
            lines.append(f"| {step} | {row.what} | {row.measured} | {row.limit} | {word} |")
        lines.append(f"| {step} | the whole step, s | {seconds:.1f} | | |")
    failed = sum(not row.passed for _, _, rows in steps for row in rows)
    said = f"{failed} not passed" if failed else "all passed"
    return "\n".join([*lines, "", f"{sum(seconds for _, seconds, _ in steps):.0f} s, {said}."])
