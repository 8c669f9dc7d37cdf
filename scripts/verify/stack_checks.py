"""How the stack, its rights, its bucket and its ETL job are judged."""

from __future__ import annotations

from scripts.verify.assumptions import Finding, confirmed, holds, not_provoked, refuted
from scripts.verify.evidence import Evidence

DENIED = ("AccessDenied", "not authorized to perform")
RULES = {"unfinished-uploads", "runs-to-cheaper-storage"}


def stack_deploys(evidence: Evidence) -> Finding:
    """Whether the stack came to have outputs."""
    if evidence.outputs:
        return confirmed(f"{len(evidence.outputs)} outputs")
    return refuted(evidence.errors[0]) if evidence.errors else not_provoked()


def lifecycle(evidence: Evidence) -> Finding:
    """Whether S3 took the bucket's rules as they were meant."""
    rules = evidence.facts.get("lifecycle")
    if rules is None:
        return not_provoked()
    found = {rule["ID"] for rule in rules if rule["Status"] == "Enabled"}
    return holds(found >= RULES, ", ".join(sorted(found)) or "no rules")


def housekeeping(evidence: Evidence) -> Finding:
    """Whether a plan was made."""
    found = evidence.facts.get("housekeeping")
    return not_provoked() if found is None else holds("beyond the retention" in found, found)


def policies(evidence: Evidence) -> Finding:
    """Whether anybody was denied anything."""
    if evidence.role is None:
        return not_provoked(evidence.facts.get("role") or "Airflow's role was not assumed")
    texts = [*(cause for _, cause in evidence.failures()), *(run.log for run in evidence.runs.values())]
    lines = [line for text in texts for line in text.splitlines() if any(word in line for word in DENIED)]
    if lines:
        return refuted(lines[0].strip()[:400])
    if len(evidence.runs) < 3:
        return not_provoked()
    return confirmed("three runs with Airflow's policy alone")


def etl_reason(evidence: Evidence) -> Finding:
    """Whether the script left what it raised; what Glue says of it is shown too."""
    run, reason = evidence.facts.get("failed ETL"), evidence.facts.get("reason of failed ETL")
    if run is None:
        return not_provoked()
    glue = f"ErrorMessage: {run.get('ErrorMessage', 'none')[:100]}"
    good = run["JobRunState"] == "FAILED" and "EmptyWindow" in (reason or "")
    return holds(good, f"{run['JobRunState']}: {reason or 'no reason left'}; {glue}")


def spark(evidence: Evidence) -> Finding:
    """Whether Spark read and wrote with the role that it has."""
    run = evidence.facts.get("Spark")
    if run is None:
        return not_provoked()
    reason = run.get("ErrorMessage", "")
    # The embedded AWS's words on a machine that has none.
    if "needs Java" in reason:
        return not_provoked("there is no Java for Spark")
    return holds(run["JobRunState"] == "SUCCEEDED", f"{run['JobRunState']} {reason[:200]}".strip())
