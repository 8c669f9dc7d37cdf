"""An execution's input is read as it was written, by whatever version wrote it."""

from __future__ import annotations

import json

from retraining.execution.execution_input import ExecutionInput, schema

LEAST = {
    "TrainingJobName": "job",
    "ModelName": "job",
    "EndpointName": "flight-delay",
    "WindowStart": "2013-04-03T00:00:00Z",
    "WindowEnd": "2013-05-01T00:00:00Z",
    "Threshold": 0.0,
}


def test_what_is_written_is_read() -> None:
    given = ExecutionInput(
        training_job_name="job",
        model_name="job",
        endpoint_name="flight-delay",
        window_start="2013-04-03T00:00:00Z",
        window_end="2013-05-01T00:00:00Z",
        threshold=0.0,
        hyperparameters={"eta": "0.2"},
        redeploy=True,
    )
    assert given.to_dict() == LEAST | {"Hyperparameters": {"eta": "0.2"}, "Redeploy": True}
    assert ExecutionInput.of({"input": json.dumps(given.to_dict())}) == given


def test_what_another_version_wrote_is_read_as_far_as_it_is_known() -> None:
    given = ExecutionInput.from_dict(LEAST | {"Later": 1})
    assert given.to_dict() == LEAST
    assert given.beat_champion_by is None


def test_what_a_person_started_names_nothing() -> None:
    assert ExecutionInput.of({"input": "[1]"}).to_dict() == {}


def test_the_schema_has_every_field_with_its_type() -> None:
    types = schema()
    assert types.keys() > LEAST.keys() | {"Redeploy", "ReplacedModel", "RunStarted", "DagVersion"}
    assert (types["Threshold"], types["BeatChampionBy"]) == (float, float)
    assert (types["Hyperparameters"], types["Redeploy"], types["AsOf"]) == (dict, bool, str)
