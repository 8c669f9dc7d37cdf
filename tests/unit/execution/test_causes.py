"""A failure's cause is one sentence, whatever AWS gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retraining.execution.causes import MAX_LENGTH, explain_cause, left_by_job

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/miniconda3/lib/python3.9/site-packages/sagemaker_xgboost_container/training.py", line 84\n'
    "    run_algorithm_mode()\n"
    "sagemaker_algorithm_toolkit.exceptions.UserError: No training data: is the file empty?\n"
)
FULL = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different type."
)


def said(value: Any) -> str:
    return json.dumps(value)


@pytest.mark.parametrize(
    ("cause", "explained"),
    [
        (None, None),
        ("", None),
        ("  \n ", None),
        ("{}", None),
        ("[]", None),
        ("plain words", "plain words"),
        ("42", "42"),
        ('"quoted words"', "quoted words"),
        # A Glue job run: Python shell, Spark, stopped.
        (
            said({"JobName": "etl", "ErrorMessage": "EmptyWindow: no flights landed"}),
            "EmptyWindow: no flights landed",
        ),
        (said({"JobName": "etl", "ErrorMessage": TRACEBACK + "\n"}), TRACEBACK.splitlines()[-1]),
        (said({"JobName": "etl", "JobRunState": "STOPPED"}), "STOPPED, and no reason was given"),
        # A training job.
        (said({"TrainingJobName": "job", "FailureReason": FULL}), FULL),
        (
            said(
                {"TrainingJobName": "job", "FailureReason": f"AlgorithmError: framework error: \n{TRACEBACK}"}
            ),
            "AlgorithmError: framework error: " + TRACEBACK.splitlines()[-1],
        ),
        (
            said({"FailureReason": f"AlgorithmError: framework error: \n{TRACEBACK}"[:150]}),
            'AlgorithmError: framework error: File "/miniconda3/lib/python3.9/site-packages/'
            "sagemaker_xgboost_container/train",
        ),
        (
            said(
                {
                    "FailureReason": "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "
                    '"ValueError: no rows"\nCommand "/usr/bin/python3 train.py", exit code: 1'
                }
            ),
            "AlgorithmError: ExecuteUserScriptError: ValueError: no rows",
        ),
        (
            said({"FailureReason": "ClientError: Failed to parse csv. (caused by X)\n\nCaused by: column 3"}),
            "ClientError: Failed to parse csv. (caused by X)",
        ),
        (said({"FailureReason": "", "TrainingJobStatus": "Stopped"}), "Stopped, and no reason was given"),
        # A function.
        (
            said(
                {"errorMessage": "job has none", "errorType": "NoMetrics", "stackTrace": ["  File 1\n", "2"]}
            ),
            "job has none",
        ),
        (said({"errorType": "NoMetrics", "stackTrace": []}), "NoMetrics, and no reason was given"),
        (
            '{"errorMessage":"2013-05-01 Task timed out after 60.00 seconds"}',
            "2013-05-01 Task timed out after 60.00 seconds",
        ),
        # JSON in JSON, lists.
        (said({"Error": "E", "Cause": said({"errorMessage": said({"message": "deep"})})}), "deep"),
        (said([{}, {"message": "first"}, {"message": "second"}]), "first"),
        (said({"FailureReason": {"message": "an object"}}), "an object"),
        (said({"Other": {"nested": [1]}}), 'no reason was given: {"Other": {"nested": [1]}}'),
        ("<html>\n<body>503 Service Unavailable</body></html>", "503 Service Unavailable"),
        ("[" * 20_000, "…"),
        ("[" * 500 + '"deep"' + "]" * 500, "deep"),
    ],
)
def test_a_cause_is_one_sentence(cause: str | None, explained: str | None) -> None:
    found = explain_cause(cause)
    assert found == explained or (explained == "…" and found and found.endswith("…"))


def test_a_cause_of_the_greatest_length_is_cut() -> None:
    found = explain_cause(said({"FailureReason": "AlgorithmError: " + "word " * 6_400}))
    assert found is not None
    assert found.startswith("AlgorithmError: word")
    assert found.endswith("word…")
    assert len(found) <= MAX_LENGTH


@pytest.mark.parametrize(
    ("cause", "place"),
    [
        (said({"Arguments": {"--target": "s3://lake/runs/one"}}), ("lake", "runs/one/failure.txt")),
        (said({"Arguments": {"--target": "s3://lake/runs/one/"}}), ("lake", "runs/one/failure.txt")),
        (said({"Arguments": {"--target": "lake"}}), None),
        (said({"Arguments": {"--target": 1}}), None),
        (said({"Arguments": []}), None),
        (said({"JobName": "etl"}), None),
        (said([1]), None),
        (said(None), None),
        ("plain words", None),
        ("[" * 20_000, None),
        (None, None),
    ],
)
def test_an_etl_job_has_left_its_reason_beside_its_output(
    cause: str | None, place: tuple[str, str] | None
) -> None:
    assert left_by_job(cause) == place
