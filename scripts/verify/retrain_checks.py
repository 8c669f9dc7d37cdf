"""How what retrains did is judged: their training jobs, metrics, endpoint."""

from __future__ import annotations

from scripts.verify.assumptions import Finding, confirmed, holds, not_provoked, refuted
from scripts.verify.evidence import DagRun, Evidence

# What the gate of the first model reads.
METRIC = "validation:error"
# What SageMaker says of an endpoint config that it does not know (yet).
UNKNOWN_CONFIG = "Could not find endpoint configuration"
# The state that calls the metrics function.
METRICS_STATE = "Read metrics"


def lambda_code(evidence: Evidence) -> Finding:
    """Whether the metrics function ran at all."""
    run = evidence.runs.get("accepted")
    if run is None:
        return not_provoked()
    if _left(run, METRICS_STATE):
        return confirmed("the function answered")
    broken = [cause for _, cause in run.failures() if "mport" in cause or "ermission denied" in cause]
    return refuted(broken[0][:300]) if broken else not_provoked("the function was not called")


def metric(evidence: Evidence) -> Finding:
    """Whether the gate's metric is among a training job's."""
    training = evidence.facts.get("training")
    if training is None:
        return not_provoked()
    names = sorted(item["MetricName"] for item in training.get("FinalMetricDataList", ()))
    seconds = training.get("TrainingTimeInSeconds", 0)
    return holds(METRIC in names, f"{', '.join(names) or 'no metrics'} of a training of {seconds} s")


def hyperparameters(evidence: Evidence) -> Finding:
    """Whether a training job completed."""
    training = evidence.facts.get("training")
    if training is None:
        return not_provoked()
    status = training["TrainingJobStatus"]
    return holds(status == "Completed", f"{status}: {training.get('FailureReason') or 'no failure'}")


def choice(evidence: Evidence) -> Finding:
    """Whether the two thresholds made a difference."""
    runs = [evidence.runs[name] for name in ("accepted", "rejected") if name in evidence.runs]
    read = [run for run in runs if _left(run, METRICS_STATE)]
    if len(read) < 2:
        return not_provoked()
    outcomes = [run.outcome for run in read]
    return holds(outcomes == ["deployed", "rejected"], ", ".join(outcomes))


def endpoint_config(evidence: Evidence) -> Finding:
    """Whether CreateEndpoint found the endpoint config in the end."""
    if "accepted" not in evidence.runs:
        return not_provoked()
    missed = [cause for _, cause in evidence.failures() if UNKNOWN_CONFIG in cause]
    if evidence.runs["accepted"].outcome == "deployed":
        return confirmed(f"not found {len(missed)} times, then found" if missed else "found at once")
    return refuted(missed[-1][:200]) if missed else not_provoked("no endpoint was created")


def update_shows(evidence: Evidence) -> Finding:
    """Whether the first look at an endpoint after its update showed the update."""
    run = evidence.runs.get("rollback")
    updated = False
    for name, output in run.exits() if run else ():
        if name == "Update endpoint":
            updated = True
        elif updated and name == "Decide what is next":
            memory = output["Next"]["Memory"]
            return holds("unseen" not in memory, f"{output['Next']['Action']}, {memory}")
    return not_provoked("no endpoint was updated")


def prediction(evidence: Evidence) -> Finding:
    """Whether the endpoint answered with a probability."""
    found = evidence.facts.get("prediction")
    if found is None:
        return not_provoked()
    try:
        return holds(0 <= float(found) <= 1, found)
    except ValueError:
        return refuted(found[:200])


def _left(run: DagRun, state: str) -> bool:
    return any(name == state for name, _ in run.exits())
