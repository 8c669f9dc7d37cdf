"""What a deployment does next: a pure function of what is known, free of AWS.

Executions meet at an endpoint in any order. One at a time has the claim, in the table, and changes the
endpoint; the others wait until it has ended. It brings its model into service, tests it, and writes that it
is proven. Whoever finds the claim free, and the endpoint on a model that a retrain has put there and that was
never proven, claims it and puts back what was: be it its own model that failed, or that of an execution which
was stopped.
"""

from __future__ import annotations

from .facts import Action, Candidate, Decision, Endpoint, Facts, Item
from .memory import MAX_RETURNS, remembered
from .serving import is_resized

MAX_DEPLOYMENTS = 5
# The policy of an execution that was started because another one was stopped (stopped.py). Seconds after
# which what that one had begun to ask of SageMaker has been done, or never will be.
PUT_BACK, UNDER_WAY = "put back", 60
# Nine events a round: far below the 25,000 that a history may have. With the longest pause it lasts a day.
MAX_ASKED, LONGEST_PAUSE = 1500, 60


def decide(facts: Facts) -> Decision:
    """Say what to do next."""
    known = facts.but(memory=remembered(facts))
    decision = _next(known)
    memory = decision.memory.but(
        action=decision.action,
        asked=decision.memory.asked + 1,
        waited=decision.memory.waited + decision.seconds,
        rest=0,
    )
    if decision.action in ("Create endpoint", "Update endpoint", "Delete endpoint", "Test endpoint"):
        endpoint = known.endpoint or Endpoint("", "", "")
        memory = memory.but(looked=endpoint.changed, before=endpoint.config)
        if decision.action != "Test endpoint":
            memory = memory.but(touched=True, config=decision.config)
    elif not memory.moved:
        memory = memory.but(looked="", before="")
    return decision.but(memory=memory)


def _next(f: Facts) -> Decision:
    m, e, proven = f.memory, f.endpoint, f.item.proven
    if f.policy == "never":
        return Decision("End", m, outcome="accepted")
    if (proven and proven.config == f.mine.config) or m.proving:
        return Decision("End", m, outcome="deployed")
    if f.policy == PUT_BACK and m.waited < UNDER_WAY:
        return _wait(f, UNDER_WAY)
    surplus = _surplus(f)
    if not surplus and e and e.unkept:
        f = f.but(memory=m.but(failure=e.unkept))
        m, surplus = f.memory, "failed"
    if _somebody_else_works(f):
        leaves = surplus and not m.touched and f.policy != PUT_BACK
        return _end(f, surplus) if leaves else _wait(f)
    if (e and e.changing) or m.moved:
        return _wait(f)
    ours = f.item.claim is not None and f.item.claim.config == f.mine.config
    if surplus and m.returns >= MAX_RETURNS:
        return _end(f, surplus)
    if surplus and is_right(f):
        # Where nothing is proven the claim stays, and tells that what is there is not to be trusted.
        given_up = Item(claim=proven, proven=proven, hold=f.item.hold)
        return _write(f, given_up) if ours and proven else _end(f, surplus)
    if not ours:
        again = f.but(memory=m.but(returns=0))
        return _write(again, Item(claim=f.mine, proven=_baseline(f), hold=f.item.hold))
    if m.rest:
        return _wait(f, m.rest)
    return _put_back(f) if surplus else _bring(f)


def is_right(f: Facts) -> bool:
    """Whether the endpoint can be left: it serves what is proven, what somebody chose by hand, or nobody."""
    e, proven = f.endpoint, f.item.proven
    if e is None:
        return proven is None or not f.memory.touched
    if e.unkept:
        return True
    if e.status == "InService":
        return not e.ours or (proven is not None and e.config == proven.config)
    return proven is None


def _surplus(f: Facts) -> str:
    """Why our model is not to be served, in an outcome's word."""
    proven = f.item.proven
    if f.memory.failure:
        return "failed"
    if f.policy == PUT_BACK:
        return PUT_BACK
    if f.item.hold and not f.overrules:
        return "held"
    newer = proven and proven.window_end > f.mine.window_end
    return "stale" if newer and f.policy != "force" else ""


def _somebody_else_works(f: Facts) -> bool:
    claim, proven = f.item.claim, f.item.proven
    if claim is None or claim.config == f.mine.config or not f.item.claimant_runs:
        return False
    return proven is None or claim.config != proven.config


def _baseline(f: Facts) -> Candidate | None:
    """What to go back to, where that is not what was proven.

    What somebody put there by hand counts as proven, and is as new as what was. So does what serves where the
    table knows nothing: it was lost, or is younger than the endpoint.
    """
    e, proven = f.endpoint, f.item.proven
    if e is None or e.status != "InService" or (proven and proven.config == e.config):
        return proven
    if not e.ours:
        window_end, serving = (proven.window_end, proven.serving) if proven else ("", "")
        return Candidate(e.config, e.model, window_end=window_end, serving=serving)
    if proven is None and f.item.claim is None:
        return Candidate(e.config, e.model, window_end=e.window_end)
    return proven


def _bring(f: Facts) -> Decision:
    m, e, mine = f.memory, f.endpoint, f.mine
    if m.modelless:
        return Decision("Create model", m)
    if not m.configured:
        return Decision("Create endpoint config", m)
    if e is None:
        return Decision("Create endpoint", m, config=mine.config)
    if e.status == "InService" and e.config == mine.config:
        if m.tested != e.changed:
            return Decision("Test endpoint", m)
        hold = f.hold if f.overrules else f.item.hold
        return _write(f.but(memory=m.but(proving=True)), Item(claim=mine, proven=mine, hold=hold))
    if m.deployments >= MAX_DEPLOYMENTS:
        why = f"the endpoint was given another model {m.deployments} times while this one was deployed"
        return _put_back(f.but(memory=m.but(failure=why)))
    if e.status == "Failed":
        return Decision("Delete endpoint", m)
    guarded = f.policy != "force"
    return Decision("Update endpoint", m, config=mine.config, guarded=guarded, retains=_retains(f))


def _put_back(f: Facts) -> Decision:
    e, proven = f.endpoint, f.item.proven
    if e and (proven is None or e.status == "Failed"):
        return Decision("Delete endpoint", f.memory)
    config = proven.config if proven else ""
    action: Action = "Update endpoint" if e else "Create endpoint"
    return Decision(action, f.memory, config=config, retains=_retains(f))


def _retains(f: Facts) -> bool:
    """Whether the endpoint keeps its number of instances: unless model.yaml asks for another than before."""
    return not is_resized(f.item.proven.serving if f.item.proven else "", f.mine.serving)


def _write(f: Facts, item: Item) -> Decision:
    return Decision("Write claim", f.memory, item=item)


def _wait(f: Facts, seconds: int = 0) -> Decision:
    m = f.memory
    if m.asked >= MAX_ASKED:
        return _end(
            f.but(memory=m.but(failure=f"the endpoint was waited for in vain for {m.waited} s")), "failed"
        )
    # Quick at first; later a fifth of the time that it has taken so far.
    return Decision("Wait for endpoint", m, seconds=seconds or max(1, min(LONGEST_PAUSE, m.waited // 5)))


def _end(f: Facts, outcome: str) -> Decision:
    failure = f.memory.failure
    if not is_right(f) and f.memory.returns >= MAX_RETURNS:
        e = f.endpoint
        failure = f"{failure or outcome}; and the endpoint could not be put back"
        failure += f": {e.reason}" if e and e.reason else ""
    return Decision("End", f.memory, outcome="" if failure else outcome, failure=failure)
