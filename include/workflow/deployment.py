"""The part of the state machine that deploys: claim the endpoint, bring it to what is claimed, test it.

Executions meet here in any order. Each one claims the endpoint, if nothing newer is claimed, and then brings
it to its claim. One that finds a newer claim ends as stale; when it has deployed meanwhile, it first hands
the endpoint over, so that the last to touch it leaves it as claimed. A model that does not get into service,
or does not predict, gives its claim back and with it the endpoint.
"""

from __future__ import annotations

from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import Catch, Choice, ChoiceRule, Pass, Wait
from stepfunctions.steps.states import State

from include.workflow import claim_steps, deployment_steps
from include.workflow.blocks import FailBecause, Intrinsic
from include.workflow.deployment_steps import DESCRIBE_ERROR
from include.workflow.steps import Surroundings
from retraining.spec import ModelSpec

DEPLOYMENT_ERROR = "EndpointDeploymentFailed"
STATUS = "$.Endpoint.EndpointStatus"
SERVED = "$.Endpoint.EndpointConfigName"
CLAIMED = "$.Claim.Item.EndpointConfigName.S"
OURS = "$.EndpointConfigName"
FAILURE = "$.Failure"
# What SageMaker says when an update is in progress, when the endpoint is there already, or when it is busy.
PASSING = (
    "*in-progress*",
    "*already existing*",
    "*Rate exceeded*",
    "*Throttling*",
    "*ServiceUnavailable*",
    "*InternalFailure*",
)


def deployment(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> State:
    """Build the states that deploy the model which the execution's input names.

    :return: the first of them.
    """
    return _Deployment(spec, aws, given).first


class _Deployment:
    """The states that several others lead to are made once."""

    def __init__(self, spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> None:
        self.given = given
        self.read_claim = claim_steps.read_claim_step(given)
        self.stale = outcome("Superseded", "stale")
        self.leave = Choice("Failed before?")
        self.leave.add_choice(
            ChoiceRule.IsPresent(FAILURE, True),
            next_step=FailBecause("Deployment failed", error=DEPLOYMENT_ERROR, cause_path=FAILURE),
        )
        self.leave.default_choice(self.stale)
        self.withdraw = self._withdrawal()
        self.pause = self._pause()
        self.create = deployment_steps.endpoint_step(spec, given, update=False)
        self.update = deployment_steps.endpoint_step(spec, given, update=True)
        # Of the description that the update was decided on; a refused update leaves it out.
        self.note = Pass("Note what was served", input_path=SERVED, result_path="$.Before")
        self.test = deployment_steps.endpoint_test_step(aws, given)
        self.delete = deployment_steps.delete_endpoint_step(given)
        self._connect()
        self.first = self._start(spec, aws)

    def _start(self, spec: ModelSpec, aws: Surroundings) -> State:
        config = deployment_steps.endpoint_config_step(spec, aws, self.given)
        begin = Pass("Begin deployment", result={"Seconds": 1}, result_path="$.Pause")
        by_force = Choice("Whatever is served?")
        claim = claim_steps.claim_step(self.given, if_newer=True)
        claim.add_catch(
            Catch(error_equals=[claim_steps.TAKEN], next_step=self.stale, result_path="$.Replaced")
        )
        force = claim_steps.claim_step(self.given, if_newer=False)
        config.next(begin)
        begin.next(by_force)
        by_force.add_choice(ChoiceRule.StringEquals("$.DeployPolicy", "force"), next_step=force)
        by_force.default_choice(claim)
        claim.next(self.read_claim)
        force.next(self.read_claim)
        return config

    def _connect(self) -> None:
        find = deployment_steps.find_endpoint_step(self.given)
        self.read_claim.next(find)
        find.add_catch(
            Catch(error_equals=[DESCRIBE_ERROR], next_step=self._missing(), result_path="$.Refusal")
        )
        find.next(self._decision())
        refused = self._refused()
        for step in (self.create, self.update, self.delete):
            step.add_catch(
                Catch(error_equals=["States.TaskFailed"], next_step=refused, result_path="$.Refusal")
            )
        self.create.next(self.pause)
        self.delete.next(self.pause)
        self.update.next(self.note)
        self.note.next(self.pause)
        self.test.add_catch(
            Catch(
                error_equals=["States.TaskFailed"],
                next_step=self._because("Test failed", "$.Test.Cause"),
                result_path="$.Test",
            )
        )
        self.test.next(outcome("Deployed", "deployed"))

    def _decision(self) -> Choice:
        """Compare what is claimed with what is served."""
        claim = Choice("Claim still ours?")
        # Only what failed drops its claim.
        claim.add_choice(ChoiceRule.IsPresent(CLAIMED, False), next_step=self.leave)
        claim.add_choice(ChoiceRule.StringEqualsPath(CLAIMED, OURS), next_step=self._ours())
        claim.default_choice(self._theirs())
        return claim

    def _ours(self) -> Choice:
        state = Choice("Endpoint in service?")
        serves = ChoiceRule.StringEquals(STATUS, "InService")
        updated = ChoiceRule.IsPresent("$.Before", True)
        explained = ChoiceRule.IsPresent("$.Endpoint.FailureReason", True)
        reason = self._because("Endpoint says why", "$.Endpoint.FailureReason")
        back = Pass(
            "Endpoint went back",
            result="After the update the endpoint serves what it served before; SageMaker gives no reason",
            result_path=FAILURE,
        )
        back.next(self.withdraw)
        out = Pass(
            "Endpoint out of service",
            result="The endpoint is out of service; DescribeEndpoint may say why",
            result_path=FAILURE,
        )
        out.next(self.withdraw)
        ended = ChoiceRule.Or(
            [
                ChoiceRule.StringEquals(STATUS, end)
                for end in ("Failed", "OutOfService", "UpdateRollbackFailed")
            ]
        )
        state.add_choice(
            ChoiceRule.And([serves, ChoiceRule.StringEqualsPath(SERVED, OURS)]), next_step=self.test
        )
        state.add_choice(ChoiceRule.And([serves, updated, explained]), next_step=reason)
        state.add_choice(
            ChoiceRule.And([serves, updated, ChoiceRule.StringEqualsPath(SERVED, "$.Before")]), next_step=back
        )
        state.add_choice(serves, next_step=self.update)
        # One that was never created serves nobody, and SageMaker takes no other call for it.
        failed = ChoiceRule.And(
            [ChoiceRule.StringEquals(STATUS, "Failed"), ChoiceRule.IsPresent("$.Deployment", False)]
        )
        state.add_choice(failed, next_step=self.delete)
        state.add_choice(ChoiceRule.And([ended, explained]), next_step=reason)
        state.add_choice(ended, next_step=out)
        state.default_choice(self.pause)
        return state

    def _theirs(self) -> Choice:
        """The endpoint is somebody else's by now; it must not be left on our model."""
        state = Choice("Ours to hand over?")
        serves = ChoiceRule.StringEquals(STATUS, "InService")
        updating = ChoiceRule.Or(
            [ChoiceRule.StringEquals(STATUS, busy) for busy in ("Creating", "Updating", "RollingBack")]
        )
        state.add_choice(
            ChoiceRule.And([serves, ChoiceRule.StringEqualsPath(SERVED, OURS)]), next_step=self.update
        )
        state.add_choice(
            ChoiceRule.And([updating, ChoiceRule.IsPresent("$.Before", True)]), next_step=self.pause
        )
        state.default_choice(self.leave)
        return state

    def _missing(self) -> Choice:
        state = Choice("Endpoint missing?")
        cause = "$.Refusal.Cause"
        state.add_choice(ChoiceRule.StringMatches(cause, "*Could not find endpoint*"), next_step=self.create)
        state.add_choice(
            ChoiceRule.StringMatches(cause, "*not authorized*"), next_step=self._because("Not allowed", cause)
        )
        # This integration gives every error one name: what is left is throttling and the like.
        state.default_choice(self.pause)
        return state

    def _refused(self) -> Choice:
        """Wait conflicts out and look anew: a plain retry could put an old model over a new one."""
        state = Choice("Try again later?")
        for pattern in PASSING:
            state.add_choice(ChoiceRule.StringMatches("$.Refusal.Cause", pattern), next_step=self.pause)
        state.add_choice(
            ChoiceRule.StringEquals("$.Refusal.Error", "SageMaker.ResourceLimitExceededException"),
            next_step=self.pause,
        )
        state.default_choice(self._because("Update refused", "$.Refusal.Cause"))
        return state

    def _because(self, state_id: str, path: str) -> Pass:
        state = Pass(state_id, input_path=path, result_path=FAILURE)
        state.next(self.withdraw)
        return state

    def _withdrawal(self) -> Choice:
        state = Choice("Claim replaced another?")
        restore = claim_steps.restore_claim_step(self.given)
        drop = claim_steps.drop_claim_step(self.given)
        for step in (restore, drop):
            step.add_catch(
                Catch(error_equals=[claim_steps.TAKEN], next_step=self.read_claim, result_path="$.Withdrawn")
            )
            step.next(self.read_claim)
        before = "$.Replaced.Attributes.EndpointConfigName.S"
        state.add_choice(ChoiceRule.IsPresent(before, False), next_step=drop)
        # A claim whose reply was lost and that was made again has replaced itself.
        state.add_choice(ChoiceRule.StringEqualsPath(before, OURS), next_step=drop)
        state.default_choice(restore)
        return state

    def _pause(self) -> Wait:
        """Pauses grow by a second each: quick at first, and far below the 25,000 events of a history."""
        pause = Wait("Wait for endpoint", seconds_path="$.Pause.Seconds")
        longer = Pass(
            "Wait longer next time",
            parameters={"Seconds": Intrinsic("States.MathAdd($.Pause.Seconds, 1)")},
            result_path="$.Pause",
        )
        pause.next(longer)
        longer.next(self.read_claim)
        return pause


def outcome(state_id: str, word: str) -> Pass:
    """The end of an execution that did its work."""
    return Pass(state_id, result=word, result_path="$.Outcome")
