"""A verification's table says no more than what was seen, and its assumptions are documented and tested."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import boto3
import pytest

from scripts import verify_aws
from scripts.aws_account import Account
from scripts.verify import pending, remove_work
from scripts.verify.assumptions import Assumption, Result, Verdict, judge
from scripts.verify.evidence import DagRun, Evidence, Names
from scripts.verify.registry import ASSUMPTIONS
from scripts.verify.removal import Removal
from scripts.verify.report import Verification
from scripts.verify.which_aws import described, stand_in

PROJECT = Path(__file__).resolve().parents[3]
# What is assumed of AWS; what the embedded AWS does comes after it.
FIDELITY, _, EMBEDDED = (
    (PROJECT / "docs" / "fidelity.md").read_text().partition("\n## What the embedded AWS does\n")
)
TEST = re.compile(r"`(?P<file>(?:unit|integration|e2e)(?:/\w+)+\.py)::(?P<test>test_\w+)`")
ENDPOINT = "http://127.0.0.1:5000"


def rows() -> list[list[str]]:
    """Cells of all rows of the tables."""
    lines = [line for line in FIDELITY.splitlines() if line.startswith("|") and not line.startswith("|-")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "assumption"]


def embedded_rows() -> list[list[str]]:
    """Cells of the rows that say which call of the embedded AWS does what."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in EMBEDDED.splitlines()
        if line.startswith("|") and not line.startswith("|-")
    ]
    return [row for row in cells if row[0] != "call"]


def account() -> Account:
    session = boto3.Session("local", "local", region_name="us-east-1")
    return Account(session, "123456789012", "arn:aws:iam::123456789012:user/me")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def evidence() -> Evidence:
    return Evidence(account(), Names("retraining-verify-0a1b2c"))


def verdicts(seen: Evidence) -> dict[str, str]:
    return {one.name: judge(one, seen).verdict for one in ASSUMPTIONS}


def test_every_assumption_is_documented_and_nothing_else_claims_to_be_verified() -> None:
    names = [one.name for one in ASSUMPTIONS]
    assert len(names) == len(set(names))
    documented = [row[0].strip("`") for row in rows() if row[0]]
    assert sorted(documented) == sorted(names)


def test_every_row_says_what_it_rests_on_where_from_and_what_tests_it() -> None:
    for row in rows():
        assert len(row) == 5, row
        _, behaviour, source, test, real = row
        assert behaviour
        assert source
        assert TEST.search(test), row
        assert re.fullmatch(r"no|\d{4}-\d\d-\d\d, [a-z0-9-]+", real), f"{real}: no, or a date and a region"


def test_every_row_of_the_embedded_aws_says_what_it_does_and_what_shows_it() -> None:
    for row in embedded_rows():
        assert len(row) == 4, row
        assert row[0], row
        assert row[1].split()[0].rstrip(",:;") in ("does", "records", "refuses"), row
        found = TEST.search(row[3])
        assert found, row
        assert f"def {found['test']}(" in (PROJECT / "tests" / found["file"]).read_text(), row


def test_while_no_account_has_confirmed_anything_the_documents_say_so() -> None:
    nothing = all(row[4] == "no" for row in rows())
    assert nothing == ("**no real account has confirmed any of it yet**" in FIDELITY)
    assert nothing == ("no real account has run it yet" in (PROJECT / "README.md").read_text())


def test_every_test_that_is_named_exists() -> None:
    named = {(found["file"], found["test"]) for found in TEST.finditer(FIDELITY)}
    assert len(named) > 20
    for file, test in sorted(named):
        tree = ast.parse((PROJECT / "tests" / file).read_text())
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (file, test)


def test_nothing_seen_proves_nothing() -> None:
    assert set(verdicts(evidence()).values()) == {"not provoked"}


def test_a_verification_that_broke_off_says_why() -> None:
    seen = evidence()
    seen.errors.append("DeploymentError: stack x: Resource GlueJob failed")
    results = {one.name: judge(one, seen) for one in ASSUMPTIONS}
    assert results["stack-deploys"].verdict == "refuted"
    assert results["stack-deploys"].seen == "DeploymentError: stack x: Resource GlueJob failed"


def test_a_run_that_failed_refutes_with_its_reason() -> None:
    seen = evidence()
    report = {"outcome": "failed", "failed_state": "Train", "error": "States.TaskFailed", "cause": "no room"}
    seen.runs["accepted"] = DagRun("failed", report, [], "")
    result = judge(next(one for one in ASSUMPTIONS if one.name == "retrain-deploys"), seen)
    assert (result.verdict, result.seen) == ("refuted", "failed: Train: States.TaskFailed: no room")


def test_a_capacity_error_of_another_form_refutes() -> None:
    seen = evidence()
    failed = {"taskFailedEventDetails": {"error": "CapacityError", "cause": "CapacityError: none left"}}
    seen.runs["accepted"] = DagRun("failed", None, [failed], "")
    assert verdicts(seen)["capacity-error-is-a-failed-task"] == "refuted"


def test_somebody_denied_refutes_the_policies() -> None:
    seen = evidence()
    seen.role = "arn:aws:iam::123456789012:role/airflow"
    seen.runs["accepted"] = DagRun("failed", None, [], "User: x is not authorized to perform: states:Tag")
    assert verdicts(seen)["policies-suffice"] == "refuted"


def test_a_check_that_breaks_down_refutes_and_stops_no_other() -> None:
    seen = evidence()
    seen.facts["training"] = {"FinalMetricDataList": [{"Metric": "changed"}]}
    found = verdicts(seen)
    assert found["short-training-has-its-metric"] == "refuted"
    assert found["hyperparameters-are-accepted"] == "refuted"
    broken = Assumption("broken", "", lambda it: it.facts["nothing"])
    assert judge(broken, seen).seen == "could not be read: KeyError: 'nothing'"


@pytest.mark.parametrize(
    ("verdicts", "errors", "removed", "good"),
    [
        (("confirmed", "not provoked"), (), True, True),
        (("confirmed", "refuted"), (), True, False),
        (("confirmed",), ("KeyError: 'Outputs'",), True, False),
        (("confirmed",), (), False, False),
    ],
)
def test_only_what_went_to_its_end_refuted_nothing_and_left_nothing_is_good(
    verdicts: tuple[Verdict, ...], errors: tuple[str, ...], removed: bool, good: bool
) -> None:
    results = [Result("a", "b", "c", verdict) for verdict in verdicts]
    assert Verification(evidence().names, results, errors, removed).good is good


def test_who_interrupts_the_removal_too_is_told_what_is_left_and_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupt(_: Evidence) -> None:
        raise verify_aws.Interrupted

    monkeypatch.setattr(remove_work, "state_machines", lambda _: None)
    monkeypatch.setattr(remove_work, "training_jobs", interrupt)
    mine, names = account(), evidence().names
    with pending.noted(tmp_path, mine, names), pytest.raises(verify_aws.Interrupted):
        verify_aws.remove(Removal(mine, names), tmp_path)
    said = capsys.readouterr()
    assert f"removed: executions and state machines {names.stack}-*" in said.out
    assert "executions" not in said.err
    assert f"endpoint {names.endpoint}" in said.err
    assert f"make verify-aws CLEAN={names.stack}" in said.err
    assert pending.killed(tmp_path, mine) == [names]


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"])
def test_what_stands_in_for_aws_confirms_nothing_of_amazons(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, ENDPOINT)
    assert stand_in(account()) == ENDPOINT
    assert described(account()) == (
        f"seen at {ENDPOINT}, which only stands in for AWS: this confirms nothing of Amazon's"
    )


def test_amazons_own_is_known() -> None:
    assert stand_in(account()) == ""
    assert described(account()) == "seen on Amazon's own AWS, account 123456789012, region us-east-1"


def test_only_what_was_killed_is_pending(tmp_path: Path) -> None:
    mine, names = account(), Names("retraining-verify-0a1b2c")
    with pending.noted(tmp_path, mine, names):
        assert pending.killed(tmp_path, mine) == []
    assert pending.killed(tmp_path, mine) == [names]
    other = Account(mine.session, "999999999999", mine.principal)
    assert pending.killed(tmp_path, other) == []
    pending.strike(tmp_path, names)
    assert pending.killed(tmp_path, mine) == []
