"""The part of the state machine that deploys: a decision, the state that does what it says, and so on.

The decision is a Lambda function's (``include/lambdas/deployment``). It names the state to go to.
"""

from __future__ import annotations

from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import Catch, Choice, ChoiceRule, Pass, Wait
from stepfunctions.steps.states import State

from include.workflow import deployment_steps as steps
from retraining.model.spec import ModelSpec
from retraining.workflow.surroundings import Surroundings


def deployment(spec: ModelSpec, aws: Surroundings, given: ExecutionInput, create_model: State) -> State:
    """Build the states that deploy the model which the execution's input names.

    :param create_model: makes the model; without an endpoint there is no more to do after it.
    :return: the first of them.
    """
    decide = steps.decision_step(spec, aws, given)
    chosen = Choice("Next step")
    decide.next(chosen)
    for step in (
        create_model,
        steps.endpoint_config_step(spec, aws, given),
        steps.write_claim_step(given),
        steps.create_endpoint_step(spec, aws, given),
        steps.update_endpoint_step(spec, given),
        steps.delete_endpoint_step(given),
        steps.endpoint_test_step(aws, given),
    ):
        # The decision judges what went wrong: refusals pass, and a lost reply may have had its effect.
        step.add_catch(Catch(error_equals=["States.TaskFailed"], next_step=decide, result_path=steps.DONE))
        _offer(chosen, step).next(decide)
    _offer(chosen, Wait("Wait for endpoint", seconds_path="$.Next.Seconds")).next(decide)
    _offer(chosen, Pass("End", input_path="$.Next.Outcome", result_path="$.Outcome"))
    return decide


def _offer(chosen: Choice, step: State) -> State:
    chosen.add_choice(ChoiceRule.StringEquals("$.Next.Action", step.state_id), next_step=step)
    return step
