"""The retraining state machine: extract, train, gate on the named metric, deploy."""

from __future__ import annotations

from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import (
    Catch,
    Chain,
    Choice,
    ChoiceRule,
    Fail,
    Graph,
    LambdaStep,
    TrainingStep,
    Wait,
)
from stepfunctions.steps.states import State

from include.workflow import deployment_steps, steps
from include.workflow.deployment import deployment
from include.workflow.steps import GATED
from retraining.model.gate_spec import Gate
from retraining.model.spec import ModelSpec
from retraining.outcome import REJECTED_ERROR
from retraining.workflow.surroundings import Surroundings


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
    create_model = deployment_steps.model_step(spec, aws, train, given)
    deploy = deployment(spec, aws, given, create_model)
    redeploy = Choice("Trained before?")
    redeploy.add_choice(
        ChoiceRule.And(
            [ChoiceRule.IsPresent("$.Redeploy", True), ChoiceRule.BooleanEquals("$.Redeploy", True)]
        ),
        next_step=deploy,
    )
    redeploy.default_choice(_retrain(spec, aws, given, train, create_model))
    return Graph(
        Chain([redeploy]),
        comment=f"Retrains {spec.name}, gates it on {spec.gate.metric} and deploys it",
        timeout_seconds=spec.timeout_seconds,
    )


def _retrain(
    spec: ModelSpec, aws: Surroundings, given: ExecutionInput, train: TrainingStep, accept: State
) -> State:
    gate = Choice("Accuracy gate")
    gate.add_choice(_passes(spec.gate), next_step=accept)
    gate.default_choice(Fail("Reject model", error=REJECTED_ERROR, cause=_rejection(spec.gate)))
    transform = steps.transform_step(spec, aws, given)
    metrics = steps.metrics_step(spec, train, given)
    Chain([transform, train, metrics, gate])
    _train_again(train, steps.look_at_training_step(spec, aws, given), metrics)
    return transform


def _train_again(train: TrainingStep, look: LambdaStep, then: State) -> None:
    train.add_catch(Catch(error_equals=["States.TaskFailed"], next_step=look, result_path="$.TrainingError"))
    trained = Choice("Trained?")
    look.next(trained)
    trained.add_choice(ChoiceRule.IsPresent("$.Training.Job.ModelArtifacts", True), next_step=then)
    pause = Wait("Wait to train again", seconds_path="$.Training.Seconds")
    trained.default_choice(pause)
    pause.next(train)


def _passes(gate: Gate) -> ChoiceRule:
    rules = {"less_than": ChoiceRule.NumericLessThanPath, "greater_than": ChoiceRule.NumericGreaterThanPath}
    bound = "$.Threshold" if gate.beat_champion_by is None else "$.Metrics.Payload.Bound"
    return rules[gate.comparison](variable=GATED, value=bound)


def _rejection(gate: Gate) -> str:
    cause = f"{gate.metric} is not {gate.comparison.replace('_', ' ')} the threshold"
    return cause if gate.beat_champion_by is None else f"{cause}, or does not beat the champion by the margin"
