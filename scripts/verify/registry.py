"""The assumptions that `make verify-aws` checks. docs/fidelity.md has the same ones; a test holds that."""

from __future__ import annotations

from scripts.verify import retrain_checks, stack_checks
from scripts.verify.assumptions import Assumption
from scripts.verify.checks import answers, ends, fact, failure, within
from scripts.verify.retrain_checks import METRIC

ASSUMPTIONS = (
    Assumption(
        "stack-deploys", "CloudFormation makes every resource of the template.", stack_checks.stack_deploys
    ),
    Assumption(
        "definition-validates",
        "ValidateStateMachineDefinition finds nothing wrong with the compiled definition.",
        fact("definition", "OK"),
    ),
    Assumption(
        "retrain-deploys",
        "A retrain whose metric is below the threshold is deployed.",
        ends("accepted", "deployed"),
    ),
    Assumption(
        "retrain-is-rejected",
        "A retrain whose metric is not below the threshold ends as rejected.",
        ends("rejected", "rejected"),
    ),
    Assumption(
        "rollback-deploys", "Rolling back updates the endpoint and tests it.", ends("rollback", "deployed")
    ),
    Assumption(
        "lambda-code-is-readable", "Lambda can read the code in the zips.", retrain_checks.lambda_code
    ),
    Assumption(
        "pending-redrive-filter-is-refused",
        "ListExecutions refuses PENDING_REDRIVE together with a state machine.",
        answers("list with PENDING_REDRIVE", "ValidationException"),
    ),
    Assumption(
        "retained-resources-are-taken-over",
        "A stack that is deployed again takes over the bucket and the table that the one before it left.",
        fact("taken over", "yes"),
    ),
    Assumption(
        "started-execution-can-be-described",
        "DescribeExecution knows an execution within a minute of its start.",
        within("describe after start"),
    ),
    Assumption(
        "started-execution-is-listed",
        "ListExecutions shows an execution as running within 20 seconds of its start.",
        within("list after start"),
    ),
    Assumption(
        "ended-execution-leaves-the-list",
        "ListExecutions no longer shows an execution as running within a minute of its end.",
        within("list after end"),
    ),
    Assumption(
        "unknown-execution-is-said",
        "DescribeExecution says of an execution that it does not know (yet): ExecutionDoesNotExist.",
        answers("describe what never was", "ExecutionDoesNotExist"),
    ),
    Assumption(
        "redrive-is-accepted",
        "RedriveExecution takes up a failed execution.",
        answers("redrive", "accepted"),
    ),
    Assumption(
        "redrive-count-shows",
        "DescribeExecution counts a redrive within a minute.",
        within("describe after redrive"),
    ),
    Assumption(
        "same-start-finds-the-execution",
        "StartExecution with the name and the input of a running execution succeeds.",
        answers("start again, same input", "accepted"),
    ),
    Assumption(
        "other-input-is-refused",
        "StartExecution with the name of a running execution and another input is refused.",
        answers("start again, other input", "ExecutionAlreadyExists"),
    ),
    Assumption(
        "ended-name-is-refused",
        "StartExecution with the name of an execution that has ended is refused.",
        answers("start again, ended", "ExecutionAlreadyExists"),
    ),
    Assumption(
        "endpoint-config-is-found",
        "CreateEndpoint finds an endpoint config that was made a moment before, at once or when tried again.",
        retrain_checks.endpoint_config,
    ),
    Assumption(
        "capacity-error-is-a-failed-task",
        "A training job that finds no capacity fails its state with States.TaskFailed and CapacityError.",
        failure("CapacityError", "States.TaskFailed", otherwise="there was capacity"),
    ),
    Assumption(
        "quota-is-an-error-of-the-call",
        "A training job or endpoint beyond the account's quota is refused with ResourceLimitExceeded.",
        failure(
            "account-level service limit",
            "SageMaker.ResourceLimitExceededException",
            otherwise="there was no quota in the way",
        ),
    ),
    Assumption(
        "taken-training-name-is-refused",
        "CreateTrainingJob with the name of another one says ResourceInUse.",
        answers("train again, same name", "ResourceInUse"),
    ),
    Assumption(
        "taken-model-name-is-refused",
        "CreateModel with the name of another one speaks of one already existing.",
        answers("model again", "already existing"),
    ),
    Assumption(
        "taken-config-name-is-refused",
        "CreateEndpointConfig with the name of another one speaks of one already existing.",
        answers("endpoint config again", "already existing"),
    ),
    Assumption(
        "unknown-endpoint-is-said",
        "DescribeEndpoint says of an endpoint that is not there: Could not find endpoint.",
        answers("describe an unknown endpoint", "Could not find endpoint"),
    ),
    Assumption(
        "unknown-stack-is-said",
        "DescribeStacks says of a stack that is not there: ValidationError.",
        answers("describe an unknown stack", "ValidationError"),
    ),
    Assumption(
        "policies-suffice",
        "The template's roles and Airflow's policy grant all that is called.",
        stack_checks.policies,
    ),
    Assumption(
        "deleting-what-is-gone-is-denied",
        "Who may delete by a tag alone is denied to delete what is gone: AccessDeniedException.",
        answers("delete a model that is gone", "AccessDenied"),
    ),
    Assumption(
        "housekeeping-looks",
        "Housekeeping can list and judge what retrains left.",
        stack_checks.housekeeping,
    ),
    Assumption(
        "default-quotas-are-listed",
        "Service Quotas lists the instances' quotas among AWS's defaults, by the names that preflight uses.",
        fact("quotas", "listed"),
    ),
    Assumption(
        "hyperparameters-are-accepted",
        "The XGBoost container trains with the model's hyperparameters.",
        retrain_checks.hyperparameters,
    ),
    Assumption(
        "short-training-has-its-metric",
        f"FinalMetricDataList has {METRIC}, however short the training was.",
        retrain_checks.metric,
    ),
    Assumption(
        "choice-reads-the-metric",
        "The Choice compares the metric that the function returned.",
        retrain_checks.choice,
    ),
    Assumption(
        "failed-etl-leaves-its-reason",
        "A Python shell job that fails can still write to S3 what its script raised.",
        stack_checks.etl_reason,
    ),
    Assumption(
        "spark-writes-with-its-role",
        "Spark on Glue 5.1 reads the flights and the script writes the files, with the template's role.",
        stack_checks.spark,
    ),
    Assumption(
        "update-shows-at-once",
        "DescribeEndpoint shows an update a second after UpdateEndpoint.",
        retrain_checks.update_shows,
    ),
    Assumption(
        "lifecycle-rules-are-there",
        "The bucket has the lifecycle rules of the template.",
        stack_checks.lifecycle,
    ),
    Assumption(
        "tags-are-found",
        "GetResources finds a model by its tag within a minute.",
        within("tags in GetResources"),
    ),
    Assumption(
        "endpoint-answers-csv",
        "The endpoint takes a row of text/csv and answers with a probability.",
        retrain_checks.prediction,
    ),
)
