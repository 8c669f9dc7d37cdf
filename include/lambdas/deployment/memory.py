"""What an execution remembers of the deployment: its last action's answer, and what has become of it."""

from __future__ import annotations

import re

from .facts import Endpoint, Facts, Memory

# SageMaker's words: something has been made already, is not there, or cannot be done just now. The two kinds
# of integration word the last differently, and a reply that is lost says nothing at all.
EXISTS = re.compile(r"already exist", re.IGNORECASE)
GONE = re.compile(r"Could not find")
NO_CONFIG = re.compile(r"Could not find (endpoint configuration|model)", re.IGNORECASE)
BUSY = re.compile(
    r"in[- ]progress|Rate exceeded|Throttling|TooManyRequests|ResourceLimitExceeded|ServiceUnavailable"
    r"|InternalFailure|InternalServer|Status Code: 5|SdkClientException|Connection was closed"
    r"|States\.Timeout",
    re.IGNORECASE,
)
CHANGED_MEANWHILE = re.compile(r"ConditionalCheckFailed")
NO_INSTANCE = re.compile(r"InsufficientInstanceCapacity|CapacityError|insufficient capacity", re.IGNORECASE)
# SageMaker's reads are eventually consistent: so many looks may miss a change, and so many calls a config.
UNSEEN, UNFOUND = 8, 5
# Seconds before each try after SageMaker had no instance, as for training.
CAPACITY_PAUSES = (60, 300, 900, 1800)
MAX_RETURNS = 3


def remembered(facts: Facts) -> Memory:
    """Remember what the last action came to, and what the endpoint shows of it."""
    memory = facts.memory
    if facts.redrives > memory.redrives:
        # Whoever redrives wants it tried again.
        kept = {"touched", "configured", "modelless", "config", "looked", "before", "tested"}
        memory = Memory(redrives=facts.redrives, **{name: getattr(memory, name) for name in kept})
    else:
        memory = _answered(facts)
    return _seen(facts.but(memory=memory))


def _answered(facts: Facts) -> Memory:
    memory, refused = facts.memory, facts.refused
    match memory.action or "Create model":
        case "Create model":
            if not refused or EXISTS.search(refused):
                return memory.but(modelless=False)
            return _refused(facts.but(memory=memory.but(modelless=True)))
        case "Create endpoint config":
            if not refused or EXISTS.search(refused):
                return memory.but(configured=True, refusals=0)
            return _refused(facts)
        case "Create endpoint" | "Update endpoint":
            if not refused:
                ours = memory.config == facts.mine.config
                return memory.but(
                    moved=True,
                    refusals=0,
                    deployments=memory.deployments + ours,
                    returns=memory.returns + (not ours),
                )
            return _refused(facts)
        case "Delete endpoint":
            return _refused(facts) if refused else memory.but(refusals=0)
        case "Write claim":
            return _unwritten(facts) if refused else memory.but(refusals=0)
        case "Test endpoint":
            return memory.but(failure=refused) if refused else memory.but(tested=memory.looked)
    return memory


def _unwritten(facts: Facts) -> Memory:
    memory, refused = facts.memory.but(proving=False), facts.refused
    if CHANGED_MEANWHILE.search(refused):
        return memory
    # Nothing can be done without the claim.
    return memory.but(failure=f"{memory.failure} {refused}".strip(), returns=MAX_RETURNS)


def _refused(facts: Facts) -> Memory:
    memory, refused = facts.memory, facts.refused
    if BUSY.search(refused) or (NO_CONFIG.search(refused) and memory.refusals < UNFOUND):
        return memory.but(refusals=memory.refusals + 1, rest=min(2**memory.refusals, 60))
    if (EXISTS.search(refused) or GONE.search(refused)) and not NO_CONFIG.search(refused):
        return memory  # what was looked at has changed
    if memory.failure or (memory.touched and memory.config not in ("", facts.mine.config)):
        return memory.but(failure=f"{memory.failure} {refused}".strip(), returns=MAX_RETURNS)
    return memory.but(failure=refused)


def _seen(facts: Facts) -> Memory:
    """Judge a change that SageMaker has taken on, once its end can be seen."""
    memory, endpoint, mine = facts.memory, facts.endpoint, facts.mine.config
    if not memory.moved or (endpoint and endpoint.changing):
        return memory
    if endpoint is None or not _has_ended(memory, endpoint):
        # A read that is behind, or somebody else has changed it since.
        late = memory.unseen < UNSEEN
        return memory.but(moved=late, unseen=memory.unseen + 1 if late else 0)
    memory = memory.but(moved=False, unseen=0)
    if memory.config != mine or (endpoint.status == "InService" and endpoint.config == mine):
        return memory
    if NO_INSTANCE.search(endpoint.reason) and memory.short < len(CAPACITY_PAUSES):
        return memory.but(short=memory.short + 1, rest=CAPACITY_PAUSES[memory.short], deployments=0)
    unexplained = f"the update ended with {endpoint.config} {endpoint.status}, and SageMaker gives no reason"
    return memory.but(failure=endpoint.reason or unexplained)


def _has_ended(memory: Memory, endpoint: Endpoint) -> bool:
    """Whether what is seen can be what came of the last change: its aim, what there was before, or ruins."""
    if endpoint.changed == memory.looked:
        return False
    return endpoint.status != "InService" or endpoint.config in (memory.config, memory.before)
