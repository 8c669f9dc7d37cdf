"""What a deployment does next, case by case; no order of steps leads astray, says the exploration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from include.lambdas.deployment.decision import LONGEST_PAUSE, MAX_ASKED, decide
from include.lambdas.deployment.facts import Candidate, Endpoint, Facts, Hold, Item, Memory

MINE = Candidate("mine", "m", "2013-05-02T00:00:00Z", "arn:mine")
OLDER = Candidate("older", "o", "2013-05-01T00:00:00Z", "arn:older")
NEWER = Candidate("newer", "n", "2013-05-03T00:00:00Z", "arn:newer")
A_HOLD = Hold("ada", "an incident", "2013-05-02T10:00:00Z")
AT_REST = Item(OLDER, OLDER)
CLAIMED = Item(MINE, OLDER)
SERVES_OLDER = Endpoint("InService", "older", "1")
SERVES_MINE = Endpoint("InService", "mine", "2")
MADE = Memory(configured=True)
BROKEN = Memory(configured=True, failure="it does not predict", touched=True, config="mine")


def facts(item: Item = AT_REST, endpoint: Endpoint | None = SERVES_OLDER, **more: Any) -> Facts:
    return Facts(MINE, more.pop("policy", "if_newer"), item, endpoint, **more)


@pytest.mark.parametrize(
    ("known", "action", "detail"),
    [
        pytest.param(facts(policy="never"), "End", "accepted", id="deployment is not asked for"),
        pytest.param(facts(), "Write claim", MINE, id="the endpoint is nobody's: claim it"),
        pytest.param(facts(Item(NEWER, OLDER, claimant_runs=True)), "Wait for endpoint", 1, id="taken"),
        pytest.param(facts(Item(NEWER, OLDER)), "Write claim", MINE, id="who had it has ended"),
        pytest.param(facts(Item(NEWER, NEWER)), "Write claim", MINE, id="untested model in service"),
        pytest.param(
            facts(Item(NEWER, NEWER), Endpoint("InService", "newer", "1")),
            "End",
            "stale",
            id="newer is proven",
        ),
        pytest.param(
            facts(Item(NEWER, NEWER), Endpoint("InService", "newer", "1"), policy="force"),
            "Write claim",
            MINE,
            id="newer is proven, and forced",
        ),
        pytest.param(facts(Item(OLDER, OLDER, A_HOLD)), "End", "held", id="held"),
        pytest.param(facts(Item(OLDER, OLDER, A_HOLD), policy="force"), "End", "held", id="held, and forced"),
        pytest.param(facts(Item(OLDER, OLDER, A_HOLD), overrules=True), "Write claim", MINE, id="overruled"),
        pytest.param(facts(CLAIMED), "Create endpoint config", "", id="config"),
        pytest.param(facts(CLAIMED, memory=MADE), "Update endpoint", "mine", id="update"),
        pytest.param(facts(CLAIMED, None, memory=MADE), "Create endpoint", "mine", id="create"),
        pytest.param(
            facts(CLAIMED, Endpoint("Failed", "x", "1"), memory=MADE),
            "Delete endpoint",
            "",
            id="was never created",
        ),
        pytest.param(
            facts(CLAIMED, Endpoint("OutOfService", "older", "1"), memory=MADE),
            "Update endpoint",
            "mine",
            id="broken",
        ),
        pytest.param(
            facts(CLAIMED, Endpoint("Updating", "older", "1")), "Wait for endpoint", 1, id="at work"
        ),
        pytest.param(facts(CLAIMED, SERVES_MINE, memory=MADE), "Test endpoint", "", id="test"),
        pytest.param(
            facts(CLAIMED, SERVES_MINE, memory=MADE.but(tested="2")),
            "Write claim",
            MINE,
            id="prove what predicts",
        ),
        pytest.param(
            facts(CLAIMED, SERVES_MINE, memory=MADE.but(tested="1")),
            "Test endpoint",
            "",
            id="changed since the test",
        ),
        pytest.param(facts(Item(MINE, MINE), SERVES_MINE), "End", "deployed", id="proven"),
        pytest.param(facts(CLAIMED, SERVES_MINE, memory=BROKEN), "Update endpoint", "older", id="put back"),
        pytest.param(facts(CLAIMED, memory=BROKEN), "Write claim", OLDER, id="it is back: give up the claim"),
        pytest.param(facts(memory=BROKEN), "End", "it does not predict", id="and fail"),
        pytest.param(
            facts(Item(MINE), SERVES_MINE, memory=BROKEN), "Delete endpoint", "", id="nothing to go back to"
        ),
        pytest.param(
            facts(CLAIMED, None, memory=BROKEN),
            "Create endpoint",
            "older",
            id="gone with what is to be served",
        ),
    ],
)
def test_what_is_known_decides(known: Facts, action: str, detail: Any) -> None:
    decision = decide(known)
    claim = decision.item.claim if decision.item else None
    details = {
        "Write claim": claim,
        "Wait for endpoint": decision.seconds,
        "End": decision.outcome or decision.failure,
    }
    assert (decision.action, details.get(decision.action, decision.config)) == (action, detail)


def after(action: str, *, refused: str = "", **memory: Any) -> Facts:
    return facts(CLAIMED, memory=MADE.but(action=action, config="mine", **memory), refused=refused)


@pytest.mark.parametrize(
    ("action", "cause", "then"),
    [
        ("Create model", "Cannot create already existing model", "Create endpoint config"),
        (
            "Create endpoint config",
            "Cannot create already existing endpoint configuration",
            "Update endpoint",
        ),
        ("Create endpoint", "Cannot create already existing endpoint", "Update endpoint"),
        ("Update endpoint", "Could not find endpoint", "Update endpoint"),
        ("Write claim", "DynamoDB.ConditionalCheckFailedException: the condition failed", "Update endpoint"),
        ("Update endpoint", "Cannot update in-progress endpoint", "Wait for endpoint"),
        ("Update endpoint", "SageMaker.ResourceLimitExceededException: quota", "Wait for endpoint"),
        ("Update endpoint", "Internal error (Status Code: 500)", "Wait for endpoint"),
        ("Update endpoint", "SageMaker.SdkClientException: Connection reset", "Wait for endpoint"),
        ("Update endpoint", "Could not find endpoint configuration", "Wait for endpoint"),
        ("Create endpoint config", "Could not find model", "Wait for endpoint"),
    ],
)
def test_a_refusal_that_passes_is_looked_at_anew_or_waited_out(action: str, cause: str, then: str) -> None:
    known = after(action, refused=cause)
    if action.startswith("Create ") and action != "Create endpoint":
        known = known.but(memory=known.memory.but(configured=False))
    assert decide(known).action == then


@pytest.mark.parametrize("action", ["Create endpoint config", "Update endpoint", "Test endpoint"])
def test_a_refusal_for_good_gives_up_the_claim_and_fails_with_it(action: str) -> None:
    decision = decide(after(action, refused="AccessDeniedException: no"))
    assert (decision.action, decision.memory.failure) == ("Write claim", "AccessDeniedException: no")
    ended = decide(facts(memory=decision.memory))
    assert (ended.action, ended.failure) == ("End", "AccessDeniedException: no")


def test_a_table_that_cannot_be_written_ends_it() -> None:
    decision = decide(after("Write claim", refused="AccessDeniedException: no"))
    assert (decision.action, decision.failure) == ("End", "AccessDeniedException: no")


def test_an_update_that_falls_back_gives_sagemakers_reason() -> None:
    known = after("Update endpoint", looked="1", before="older")
    waiting = decide(known)  # the read is behind
    assert waiting.action == "Wait for endpoint"
    fell_back = Endpoint("InService", "older", "3", reason="it could not be loaded")
    decision = decide(facts(CLAIMED, fell_back, memory=waiting.memory))
    assert (decision.action, decision.memory.failure) == ("Write claim", "it could not be loaded")


def test_an_instance_that_is_short_is_waited_for_and_tried_again_so_often() -> None:
    memory, pauses = MADE.but(action="Update endpoint", config="mine", looked="1", before="older"), []
    for change in range(2, 8):
        short = Endpoint("InService", "older", str(change), reason="InsufficientInstanceCapacity")
        decision = decide(facts(CLAIMED, short, memory=memory))
        if decision.action != "Wait for endpoint":
            break
        pauses.append(decision.seconds)
        decision = decide(facts(CLAIMED, short, memory=decision.memory))
        assert decision.action == "Update endpoint"
        memory = decision.memory
    assert pauses == [60, 300, 900, 1800]
    assert decision.memory.failure == "InsufficientInstanceCapacity"


def test_what_somebody_put_there_by_hand_is_what_to_go_back_to() -> None:
    by_hand = Endpoint("InService", "by-hand", "1", model="b", ours=False)
    decision = decide(facts(Item(), by_hand))
    assert decision.item is not None
    assert decision.item.proven == Candidate("by-hand", "b")
    decision = decide(facts(AT_REST, by_hand))
    assert decision.item is not None
    assert decision.item.proven == Candidate("by-hand", "b", OLDER.window_end)


def test_what_serves_where_the_table_knows_nothing_is_what_to_go_back_to() -> None:
    """The table was lost: a model that fails must not cost the endpoint."""
    served = Endpoint("InService", "older", "1", model="o", window_end=OLDER.window_end)
    decision = decide(facts(Item(), served))
    assert decision.item == Item(MINE, Candidate("older", "o", OLDER.window_end))
    newer = Endpoint("InService", "newer", "1", model="n", window_end=NEWER.window_end)
    adopted = decide(facts(Item(), newer)).item
    assert adopted is not None
    assert decide(facts(adopted, newer)).action == "Write claim"
    assert decide(facts(Item(adopted.proven, adopted.proven), newer)).outcome == "stale"


def test_a_hold_is_kept_or_replaced_when_the_model_is_proven() -> None:
    tested = MADE.but(tested="2")
    kept = decide(facts(CLAIMED, SERVES_MINE, memory=tested, overrules=True, hold=A_HOLD))
    assert kept.item == Item(MINE, MINE, A_HOLD)
    released = decide(facts(Item(MINE, OLDER, A_HOLD), SERVES_MINE, memory=tested, overrules=True))
    assert released.item == Item(MINE, MINE)


def test_alarms_do_not_keep_an_endpoint_from_going_back() -> None:
    assert decide(facts(CLAIMED, memory=MADE)).guarded
    assert not decide(facts(CLAIMED, SERVES_MINE, memory=BROKEN)).guarded
    assert not decide(facts(CLAIMED, memory=MADE, policy="force")).guarded


def test_pauses_grow_and_the_longest_wait_stays_far_below_the_limit_of_a_history() -> None:
    memory, waited, rounds = Memory(), 0, 0
    while True:
        decision = decide(facts(Item(NEWER, OLDER, claimant_runs=True), memory=memory))
        if decision.action == "End":
            break
        assert 1 <= decision.seconds <= max(1, min(LONGEST_PAUSE, waited // 5))
        waited, rounds, memory = waited + decision.seconds, rounds + 1, decision.memory
        if waited < 300:
            assert rounds < 40
    assert rounds == MAX_ASKED
    assert rounds * 9 < 25_000 * 0.6
    assert waited > 20 * 3600
    assert "in vain" in decision.failure


def test_a_redrive_tries_again() -> None:
    decision = decide(facts(CLAIMED, memory=BROKEN, redrives=1))
    assert (decision.action, decision.config) == ("Update endpoint", "mine")


def test_what_an_older_function_kept_is_read() -> None:
    assert Memory.of({"asked": 3, "unknown": True}) == Memory(asked=3)
    assert Memory.of(BROKEN.to_json()) == BROKEN


SEVERAL = Endpoint("InService", "by-hand", "1", ours=False, unkept="it has the variants blue, green")


@pytest.mark.parametrize("status", ["InService", "OutOfService"])
@pytest.mark.parametrize("proven", [None, OLDER])
def test_an_endpoint_of_which_a_retrain_would_drop_something_is_left_alone(
    status: str, proven: Candidate | None
) -> None:
    several = replace(SEVERAL, status=status)
    decision = decide(facts(Item(proven, proven), several))
    assert (decision.action, decision.failure) == ("End", several.unkept)
    # It became so after our claim: that is given up, where there is something to give it to.
    decision = decide(facts(Item(MINE, proven), several, memory=MADE))
    given_up = ("Write claim", Item(proven, proven)) if proven else ("End", None)
    assert (decision.action, decision.item) == given_up


def test_an_endpoint_of_which_a_retrain_would_drop_something_is_no_matter_to_one_that_is_stale() -> None:
    assert decide(facts(Item(NEWER, NEWER), SEVERAL)).outcome == "stale"


def test_an_update_keeps_the_number_of_instances_unless_model_yaml_asks_for_another() -> None:
    said = [f'{{"instance_count":{count}}}' for count in (1, 2)]
    for now, retains in zip(said, (True, False), strict=True):
        mine, older = replace(MINE, serving=now), replace(OLDER, serving=said[0])
        known = Facts(mine, "if_newer", Item(mine, older), SERVES_OLDER, memory=MADE)
        assert (decide(known).config, decide(known).retains) == ("mine", retains)
        back = known.but(endpoint=SERVES_MINE, memory=BROKEN)
        assert (decide(back).config, decide(back).retains) == ("older", retains)
