"""The retraining state machine: extract, train, gate on the named metric, deploy."""

from __future__ import annotations

from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import Catch, Chain, Choice, ChoiceRule, Fail, Graph, Pass, Retry, Wait
from stepfunctions.steps.states import State

from include.workflow import deployment_steps, steps
from include.workflow.steps import Surroundings
from retraining.gate import REJECTED_ERROR
from retraining.gate_spec import Gate
from retraining.spec import ModelSpec

DEPLOYMENT_ERROR = "EndpointDeploymentFailed"
# This integration gives every error of DescribeEndpoint the same name; the cause tells them apart.
DESCRIBE_ERROR = "SageMaker.SageMakerException"
# Updating an endpoint takes minutes on AWS; a check costs three state transitions.
ENDPOINT_CHECK_SECONDS = 5


def build_definition(spec: ModelSpec, aws: Surroundings) -> Graph:
    """Build the state machine of one model.

    The execution's input stays the state all along, each state adds its result under a key of its own,
    so that the gate compares ``$.Metrics`` with ``$.Threshold``. Where a candidate must beat the champion, it
    compares with the bound that the Lambda function makes of threshold, champion and margin.

    :param spec: the model.
    :param aws: the account the state machine runs in.
    :return: the graph; ``to_json()`` gives Amazon States Language.
    """
    given = steps.execution_input()
    train = steps.training_step(spec, aws, given)
    gate = Choice("Accuracy gate")
    accepted = Chain([deployment_steps.model_step(train, given), _deployment(spec, given)])
    gate.add_choice(_passes(spec.gate), next_step=accepted)
    gate.default_choice(
        Fail(
            "Reject model",
            error=REJECTED_ERROR,
            cause=_rejection(spec.gate),
        )
    )
    retrain = Chain(
        [steps.transform_step(spec, aws, given), train, steps.metrics_step(spec, train, given), gate]
    )
    return Graph(
        retrain,
        comment=f"Retrains {spec.name}, gates it on {spec.gate.metric} and deploys it",
        timeout_seconds=spec.timeout_seconds,
    )


def _passes(gate: Gate) -> ChoiceRule:
    metric = f"$.Metrics.Payload.Metrics['{gate.metric}']"
    rules = {"less_than": ChoiceRule.NumericLessThanPath, "greater_than": ChoiceRule.NumericGreaterThanPath}
    bound = "$.Threshold" if gate.beat_champion_by is None else "$.Metrics.Payload.Bound"
    return rules[gate.comparison](variable=metric, value=bound)


def _rejection(gate: Gate) -> str:
    cause = f"{gate.metric} is not {gate.comparison.replace('_', ' ')} the threshold"
    return cause if gate.beat_champion_by is None else f"{cause}, or does not beat the champion by the margin"


def _deployment(spec: ModelSpec, given: ExecutionInput) -> State:
    wanted = Choice("Deployment wanted?")
    find = deployment_steps.describe_endpoint_step("Find endpoint", given)
    missing = Choice("Endpoint missing?")
    create = deployment_steps.endpoint_step(given, update=False)
    update = deployment_steps.endpoint_step(given, update=True)
    watch = _watch(given)

    config = deployment_steps.endpoint_config_step(spec, given)
    wanted.add_choice(
        ChoiceRule.StringEquals("$.DeployPolicy", "never"), next_step=_outcome("Accept", "accepted")
    )
    wanted.default_choice(config)

    config.next(find)
    find.next(update)
    find.add_catch(Catch(error_equals=[DESCRIBE_ERROR], next_step=missing, result_path="$.Endpoint"))
    missing.add_choice(
        ChoiceRule.StringMatches("$.Endpoint.Cause", "*Could not find endpoint*"), next_step=create
    )
    # Anything else may be throttling: updating then succeeds, or fails with the reason.
    missing.default_choice(update)
    create.next(watch)
    update.next(watch)
    return wanted


def _watch(given: ExecutionInput) -> State:
    pause = Wait("Wait for endpoint", seconds=ENDPOINT_CHECK_SECONDS)
    check = deployment_steps.describe_endpoint_step("Check endpoint", given)
    check.add_retry(Retry(error_equals=[DESCRIBE_ERROR], interval_seconds=2, max_attempts=6, backoff_rate=2))
    in_service = Choice("Endpoint in service?")
    status = "$.Endpoint.EndpointStatus"
    serves = ChoiceRule.StringEquals(status, "InService")
    ours = ChoiceRule.StringEqualsPath("$.Endpoint.EndpointConfigName", "$.ModelName")
    # After a failed update the endpoint is in service again on the previous model, and says why.
    failed = ChoiceRule.IsPresent("$.Endpoint.FailureReason", True)
    ended = ChoiceRule.Or([ChoiceRule.StringEquals(status, end) for end in ("Failed", "OutOfService")])
    deployment_failed = Fail(
        "Deployment failed",
        error=DEPLOYMENT_ERROR,
        cause="The endpoint did not come into service with the new model; DescribeEndpoint says why",
    )
    in_service.add_choice(ChoiceRule.And([serves, ours]), next_step=_outcome("Deployed", "deployed"))
    in_service.add_choice(ChoiceRule.And([serves, failed]), next_step=deployment_failed)
    # Another run's model has been deployed since.
    in_service.add_choice(serves, next_step=_outcome("Superseded", "stale"))
    in_service.add_choice(ended, next_step=deployment_failed)
    in_service.default_choice(pause)
    Chain([check, in_service])
    pause.next(check)
    return check


def _outcome(state_id: str, outcome: str) -> Pass:
    return Pass(state_id, result=outcome, result_path="$.Outcome")
