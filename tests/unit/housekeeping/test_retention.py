"""What goes and what stays, whatever AWS holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from retraining.execution.name import execution_name
from retraining.housekeeping.report import human_size, lines, report
from retraining.housekeeping.retention import Leftovers, Use, judge, name_prefix, run_of
from retraining.model.spec import Retention
from retraining.operators.housekeeping import HousekeepingOperator

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNUSED = Use({})
DAY = timedelta(days=1)


def accepted(
    run: str, age: float = 100, window_end: str = "2013-05-01T00:00:00Z", **more: object
) -> Leftovers:
    given: dict[str, object] = {"endpoint": "flights", "model": run, "configs": (run,), **more}
    return Leftovers(run, NOW - timedelta(days=age), window_end, **given)  # type: ignore[arg-type]


def rejected(run: str, age: float = 100) -> Leftovers:
    return Leftovers(run, NOW - timedelta(days=age), objects={f"runs/{run}/train/1.csv": 10})


def gone(leftovers: list[Leftovers], use: Use = UNUSED, count: int = 1, days: int = 30) -> set[str]:
    verdicts = judge(leftovers, use, Retention(count=count, days=days), NOW)
    return {verdict.leftovers.run for verdict in verdicts if verdict.because is None}


def hourly(count: int) -> list[Leftovers]:
    """Runs of one hour after the other, the oldest first."""
    start = datetime(2013, 5, 1, tzinfo=UTC)
    ends = [f"{start + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}" for hour in range(count)]
    return [accepted(f"run-{hour}", 100 - hour / 24, end) for hour, end in enumerate(ends)]


def test_old_and_beyond_the_count_goes() -> None:
    assert gone(hourly(5), count=2) == {"run-0", "run-1", "run-2"}


def test_either_bound_keeps() -> None:
    assert gone(hourly(5), count=5) == set()
    assert gone(hourly(5), days=101) == set()


def test_exactly_as_old_as_the_days_is_beyond_them() -> None:
    old, new = accepted("old", 30), accepted("new", 29.999)
    assert gone([old, new, accepted("newest", window_end="2014")], days=30) == {"old"}


@pytest.mark.parametrize("name", ["run-0", "its-model", "redeployed"])
def test_what_is_in_use_by_any_of_its_names_stays(name: str) -> None:
    first, *others = hourly(5)
    first = accepted("run-0", model="its-model", configs=("run-0", "redeployed"))
    assert "run-0" in gone([first, *others])
    assert "run-0" not in gone([first, *others], Use({name: "served by flights"}))


def test_a_backfill_pushes_out_none_of_the_newer_windows() -> None:
    served_before = accepted("old-run", 50, "2014-06-01T00:00:00Z")
    backfill = [accepted(f"backfill-{hour}", 1, f"2013-05-01T{hour:02}:00:00Z") for hour in range(20)]
    assert gone([served_before, *backfill]) == set()
    aged = [accepted(item.run, 40, item.window_end or "") for item in backfill]
    assert gone([served_before, *aged]) == {item.run for item in aged}


def test_rejected_runs_are_counted_by_themselves() -> None:
    runs = [rejected(f"rejected-{age}", age) for age in (40, 50, 60)]
    assert gone([accepted("model"), *runs]) == {"rejected-50", "rejected-60"}


def test_what_rolling_back_goes_to_stays() -> None:
    runs = hourly(6)
    served = Use({"run-2": "served by flights"}, {"flights": "run-2"})
    assert gone(runs, served) == {"run-0", "run-3", "run-4"}


def test_rolling_back_is_within_one_endpoint() -> None:
    canary = accepted("canary", window_end="2013-05-01T01:30:00Z", endpoint="canary")
    runs = [*hourly(6), canary]
    assert "canary" in gone(runs, Use({"run-2": "served"}, {"flights": "run-2", "canary": "unknown"}))


@given(
    ages=st.lists(st.integers(0, 60), max_size=30),
    count=st.integers(1, 30),
    days=st.integers(1, 60),
    used=st.sets(st.integers(0, 29)),
)
def test_nothing_goes_that_is_young_or_new_or_used(
    ages: list[int], count: int, days: int, used: set[int]
) -> None:
    runs = [accepted(f"run-{number}", age, f"{number:04}") for number, age in enumerate(ages)]
    names = {f"run-{number}" for number in used}
    removed = gone(runs, Use(dict.fromkeys(names, "used")), count, days)
    for number, age in enumerate(ages):
        beyond = age >= days and number < len(ages) - count and number not in used
        assert (f"run-{number}" in removed) is beyond


@pytest.mark.parametrize("dag_id", ["flight_delay_retraining", "x" * 70, f"{'x' * 48}_y", "a.b__c"])
def test_a_dags_names_begin_with_its_prefix(dag_id: str) -> None:
    assert execution_name(dag_id, "scheduled__2013", 12, state_machine="m").startswith(name_prefix(dag_id))
    assert name_prefix("flight_delay_retraining") == "flight-delay-retraining-"


def test_training_output_belongs_to_the_run() -> None:
    name = execution_name("flight_delay_retraining", "manual__1", 2, state_machine="m")
    assert run_of(name) == run_of(f"{name}-0") == run_of(f"{name}-12") == name
    # A digest may be all digits.
    assert run_of("flight-delay-0123456789") == "flight-delay-0123456789"


def test_the_report_adds_up() -> None:
    runs = [*hourly(3), rejected("rejected-1"), rejected("rejected-2", 200)]
    verdicts = judge(runs, Use({"run-0": "served by flights"}), Retention(count=1, days=30), NOW)
    summed = report(verdicts, ["runs/flight-delay-retraining-foreign/"])
    assert summed["beyond_retention"] == {
        "runs": 2,
        "models": 1,
        "endpoint configs": 1,
        "objects": 1,
        "bytes": 10,
    }
    assert summed["kept"] == {"among the newest 1": 2, "served by flights": 1}
    assert summed["not_touched"] == ["runs/flight-delay-retraining-foreign/"]
    text = list(lines(verdicts, summed["not_touched"], NOW))
    assert text[0].startswith("goes   run-1 ")
    assert "no model" in text[1]
    assert "200 days old" in text[1]
    assert any("nothing shows whose it is" in line and "foreign" in line for line in text)
    assert text[-1] == "2 of 5 runs are beyond the retention, with 10 B in S3"


def test_long_lists_are_cut() -> None:
    folders = [f"runs/{number}/" for number in range(300)]
    verdicts = judge(hourly(50), UNUSED, Retention(count=1, days=1), NOW)
    text = list(lines(verdicts, folders, NOW, limit=10))
    assert "goes   and 39 more" in text
    assert text[-2].endswith(": 290 more")
    assert len(text) == 10 + 1 + 1 + 10 + 1 + 1
    assert len(report(verdicts, folders)["not_touched"]) == 100
    assert len(list(lines(verdicts, folders, NOW))) == 49 + 1 + 300 + 1


def test_a_flag_that_is_a_text_removes_nothing() -> None:
    """Without native rendering a template gives "False", which is true."""
    operator = HousekeepingOperator(task_id="tidy", model_folder="nowhere", plan_only="False")
    with pytest.raises(AirflowFailException, match="plan_only: 'False' must be true or false"):
        operator.execute({})


def test_nothing_to_remove_is_said_as_well() -> None:
    assert list(lines([], [], NOW)) == ["0 of 0 runs are beyond the retention, with 0 B in S3"]


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (5 * 2**40, "5.0 TiB")])
def test_sizes_are_legible(size: int, text: str) -> None:
    assert human_size(size) == text
