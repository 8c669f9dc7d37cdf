"""What it costs to wait for many executions at once: ours against the Amazon provider's stock trigger.

    .venv/bin/python -m benchmarks.waiting --waits 1000 --quotas --together

Each side runs in a process of its own against an embedded AWS of its own, one after the other, as a triggerer
runs triggers: one event loop, ``async for event in trigger.run()``. More than 2,000 waits run ours alone: a
stock wait takes over a megabyte. Exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.tables import table, verdicts
from benchmarks.waiting_figures import Figures, Setting
from benchmarks.waiting_run import measure
from scripts.processes import exit_when_terminated

OURS, FOLLOWING, STOCK = "ours", "ours, with states", "stock"
STOCK_LIMIT = 2_000
MAX_RSS_MIB = 1024
HISTORY = "GetExecutionHistory"


def main() -> int:
    exit_when_terminated()
    given = _arguments()
    setting = Setting(
        waits=given.waits,
        delay=given.delay,
        # A stock wait takes a tenth of a second of CPU to begin, and all have to wait for some rounds.
        hold=given.hold or 40 + min(given.waits, STOCK_LIMIT) * 0.1,
        spread=0 if given.together else given.spread,
        quotas=given.quotas,
        # AWS describes 15 executions a second.
        patience=120 + given.waits / 6,
    )
    sides = [OURS, *([FOLLOWING] if given.states else []), *([STOCK] if given.waits <= STOCK_LIMIT else [])]
    # Every stock wait has a connection of its own.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(_described(setting), flush=True)
    figures = {}
    for side in sides:
        with tempfile.TemporaryDirectory(prefix="waiting-") as folder:
            figures[side] = measure(side, setting, Path(folder))
        print(f"  {side}: measured", flush=True)
    goals = _goals(figures, setting)
    print(f"\n{_report(figures)}\n\n{verdicts(goals)}")
    if given.json:
        found = {side: asdict(measured) for side, measured in figures.items()}
        given.json.write_text(json.dumps({"setting": asdict(setting), "sides": found}, indent=1) + "\n")
    return 0 if all(held for held, _ in goals) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.waiting", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--waits", type=int, default=1_000, help="executions; default: %(default)s")
    parser.add_argument("--delay", type=int, default=5, help="seconds between polls; default: %(default)s")
    parser.add_argument(
        "--hold", type=float, help="seconds until the first execution ends; default: by --waits"
    )
    parser.add_argument(
        "--spread", type=float, default=60, help="seconds in which they end; default: %(default)s"
    )
    parser.add_argument("--together", action="store_true", help="all executions end at once")
    parser.add_argument("--quotas", action="store_true", help="enforce AWS's request quotas")
    parser.add_argument(
        "--states", action="store_true", help="also ours as it logs states, which the stock trigger cannot"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    given = parser.parse_args()
    if given.waits < 2 or given.delay < 1:
        parser.error("--waits: at least 2, --delay: at least 1")
    return given


def _described(setting: Setting) -> str:
    ends = f"spread over {setting.spread:.0f} s" if setting.spread else "all at once"
    quotas = "AWS's request quotas are enforced" if setting.quotas else "no request quotas"
    return (
        f"{setting.waits:,} waits, polls every {setting.delay} s; executions end {ends} after"
        f" {setting.hold:.0f} s; {quotas}"
    )


def _report(figures: dict[str, Figures]) -> str:
    sides = list(figures.values())
    heads = ["", *figures]
    operations = sorted({operation for side in sides for operation in side.calls})
    rows = [
        ("API calls a poll round, all waiting", *(f"{sum(s.calls_per_round.values()):,.1f}" for s in sides)),
        *(
            (f"  {operation}, in all", *(f"{side.calls.get(operation, 0):,}" for side in sides))
            for operation in operations
        ),
        ("DescribeExecution calls an execution", *(f"{_describes(s):.2f}" for s in sides)),
        ("throttled calls", *(f"{side.throttled:,}" for side in sides)),
        ("CPU seconds", *(f"{side.cpu_seconds:.2f}" for side in sides)),
        ("peak memory added, MiB", *(f"{side.memory_mib:.1f}" for side in sides)),
        ("peak memory (RSS), MiB", *(f"{side.rss_mib:.1f}" for side in sides)),
        ("end to event, median, s", *(f"{side.median_delay:.2f}" for side in sides)),
        ("end to event, 99th percentile, s", *(f"{side.late_delay:.2f}" for side in sides)),
        ("waits without success", *(f"{side.unsuccessful:,}" for side in sides)),
    ]
    if STOCK in figures:
        heads.append("stock / ours")
        rows = [(*row, _ratio(row[1], row[-1])) for row in rows]
    return table(heads, rows)


def _ratio(ours: str, stock: str) -> str:
    divisor, dividend = (float(text.replace(",", "")) for text in (ours, stock))
    return f"{dividend / divisor:,.1f}" if divisor and dividend else ""


def _describes(side: Figures) -> float:
    return side.calls.get("DescribeExecution", 0) / len(side.delays)


def _goals(figures: dict[str, Figures], setting: Setting) -> list[tuple[bool, str]]:
    goals = []
    for name in (side for side in figures if side != STOCK):
        side = figures[name]
        polls = sum(n for operation, n in side.calls_per_round.items() if operation != HISTORY)
        pages = -(-setting.waits // 1000)
        goals += [
            (polls <= pages + 1, f"{name}: at most {pages + 1} polling calls a round ({polls:.1f})"),
            (
                side.calls.get("DescribeExecution") == setting.waits,
                f"{name}: one DescribeExecution an execution ({_describes(side):.2f})",
            ),
            (side.throttled == 0, f"{name}: no throttled calls ({side.throttled})"),
            (side.unsuccessful == 0, f"{name}: every wait ends well ({side.unsuccessful} do not)"),
            (side.rss_mib <= MAX_RSS_MIB, f"{name}: within 1 GiB ({side.rss_mib:.0f} MiB)"),
        ]
        if stock := figures.get(STOCK):
            less_cpu, less_memory = stock.cpu_seconds / side.cpu_seconds, stock.memory_mib / side.memory_mib
            goals += [
                (less_cpu >= 10, f"{name}: at least 10 times less CPU ({less_cpu:.1f})"),
                (less_memory >= 10, f"{name}: at least 10 times less memory added ({less_memory:.1f})"),
            ]
    return goals


if __name__ == "__main__":
    sys.exit(main())
