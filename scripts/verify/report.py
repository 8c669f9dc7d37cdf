"""What a verification says: beforehand what it will do and cost, afterwards what it saw."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.aws_account import Account, table
from scripts.verify.assumptions import Result
from scripts.verify.cost import estimate
from scripts.verify.evidence import Names
from scripts.verify.which_aws import described, stand_in

SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Verification:
    """
    What came of a verification.

    :param errors: what kept it from seeing more.
    :param removed: whether all that it made is gone.
    """

    names: Names
    results: Sequence[Result]
    errors: Sequence[str]
    removed: bool

    @property
    def good(self) -> bool:
        """Whether it went to its end, nothing was refuted and nothing is left."""
        refuted = any(result.verdict == "refuted" for result in self.results)
        return self.removed and not refuted and not self.errors


def announce(account: Account, names: Names) -> None:
    """Say what will be made, and what it costs."""
    print(f"in {account} this will create, and remove again:")
    print(f"  the stack {names.stack}, its code bucket, and a role {names.role} with Airflow's policy")
    print(f"  a week of sample flights, two state machines, an endpoint {names.endpoint}")
    print("  two retrains, a rollback, an ETL job that fails; then the stack once more, with Spark")
    print("what AWS keeps: Step Functions' own rule that waits for training jobs, one for the account")
    print(f"it takes about an hour and costs:\n{estimate()}")


def write(path: Path, account: Account, it: Verification) -> None:
    """Print the table, and write it as JSON."""
    print(f"\n{described(account)}")
    rows = [
        (one.assumption, one.verdict, " ".join(one.seen.split())[:SHOWN_CHARACTERS]) for one in it.results
    ]
    print(table([("assumption", "verdict", "seen"), *rows]))
    counts = Counter(result.verdict for result in it.results)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    for error in it.errors:
        print(f"it would have seen more but for {error}")
    print("all that was made is removed" if it.removed else "not all that was made is removed; see above")
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "account": account.number,
        "region": account.region,
        "aws": "a stand-in" if stand_in(account) else "Amazon's",
        "stand_in_at": stand_in(account) or None,
        "stack": it.names.stack,
        "removed": it.removed,
        "errors": list(it.errors),
        "assumptions": [result.to_dict() for result in it.results],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(about, indent=2) + "\n")
    print(f"written to {path}")
