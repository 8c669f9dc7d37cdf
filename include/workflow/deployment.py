"""The part of the state machine that deploys: claim the endpoint, bring it to what is claimed, test it.

An endpoint of another stack is refused first. Executions meet here in any order. Each one claims the
endpoint, if nothing newer is claimed, and then brings it to its claim. A model that is in service and
predicts is proven. An execution that finds a newer claim ends as stale; where that claim is proven
already, it first hands over an endpoint that it has updated meanwhile, so that the last to touch it leaves
it right. A model that does not get into service, or does not predict, gives its claim back to what was
proven before, and the endpoint with it.
"""

from __future__ import annotations

from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import Catch, Choice, ChoiceRule, Pass, Wait
from stepfunctions.steps.states import State, Task

from include.workflow import claim_steps, deployment_steps
from include.workflow.blocks import FailBecause, Intrinsic
from include.workflow.claim_steps import TAKEN
from include.workflow.deployment_steps import CLAIMED
from include.workflow.steps import Surroundings
from retraining.model.spec import ModelSpec
from retraining.outcome import DEPLOYMENT_ERROR

PROVEN = "$.Claim.Item.ProvenEndpointConfigName.S"
STATUS = "$.Endpoint.EndpointStatus"
SERVED = "$.Endpoint.EndpointConfigName"
OURS = "$.EndpointConfigName"
# What the endpoint served before it was updated; that it was given to another model again; what failed.
BEFORE, RETURNED, FAILURE = "$.Before", "$.Returned", "$.Failure"
# What SageMaker says when an update is in progress, when the endpoint is there already, or when it is busy;
# the two kinds of integration word the latter differently.
PASSING = (
    "*in-progress*",
    "*already existing*",
    "*Rate exceeded*",
    "*Throttling*",
    "*ServiceUnavailable*",
    "*InternalFailure*",
    "*Status Code: 5*",
)


def has(path: str) -> ChoiceRule:
    """Whether an earlier state has left something there."""
    return ChoiceRule.IsPresent(path, True)


def is_one_of(*statuses: str) -> ChoiceRule:
    """Whether the endpoint has one of these statuses."""
    return ChoiceRule.Or([ChoiceRule.StringEquals(STATUS, status) for status in statuses])


IN_SERVICE = ChoiceRule.StringEquals(STATUS, "InService")
CHANGING = is_one_of("Creating", "Updating", "RollingBack", "SystemUpdating")
OURS_IS_SERVED = ChoiceRule.StringEqualsPath(SERVED, OURS)
FORCED = ChoiceRule.StringEquals("$.DeployPolicy", "force")
# A refused update may have taken effect all the same.
TRIED = ChoiceRule.Or([has("$.Deployment"), has("$.Refusal")])


def deployment(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> State:
    """Build the states that deploy the model which the execution's input names.

    :return: the first of them.
    """
    return _Deployment(spec, aws, given).first


def outcome(state_id: str, word: str) -> Pass:
    """The end of an execution that did its work."""
    return Pass(state_id, result=word, result_path="$.Outcome")


class _Deployment:
    """The states that several others lead to are made once."""

    def __init__(self, spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> None:
        self.spec, self.given = spec, given
        self.read_claim = claim_steps.read_claim_step(given)
        self.pause = self._pause()
        self.stale = outcome("Superseded", "stale")
        self.failed = FailBecause("Deployment failed", error=DEPLOYMENT_ERROR, cause_path=FAILURE)
        self.leave = Choice("Failed before?")
        self.leave.add_choice(has(FAILURE), next_step=self.failed)
        self.leave.default_choice(self.stale)
        self.withdraw = self._withdrawal()
        self.refused = self._refusal()
        self.create = self._attempt(deployment_steps.create_endpoint_step(spec, aws, given), self.pause)
        self._updates()
        self.hand_over = self._return("Hand endpoint over", CLAIMED)
        self.put_back = self._return("Put endpoint back", BEFORE)
        self._find(self._test(aws))
        self.first = self._start(aws)

    def _start(self, aws: Surroundings) -> State:
        owner = deployment_steps.endpoint_owner_step(aws, self.given)
        config = deployment_steps.endpoint_config_step(self.spec, aws, self.given)
        owner.next(config)
        # The function of a stack that was not updated yet knows nothing of owners, and misses what it wants.
        owner.add_catch(Catch(error_equals=["KeyError"], next_step=config, result_path="$.Owner"))
        begin = Pass("Begin deployment", result={"Seconds": 1}, result_path="$.Pause")
        whatever = Choice("Whatever is served?")
        if_newer = claim_steps.claim_step(self.given, if_newer=True)
        if_newer.add_catch(Catch(error_equals=[TAKEN], next_step=self.stale, result_path="$.Claimed"))
        by_force = claim_steps.claim_step(self.given, if_newer=False)
        config.next(begin)
        begin.next(whatever)
        whatever.add_choice(FORCED, next_step=by_force)
        whatever.default_choice(if_newer)
        if_newer.next(self.read_claim)
        by_force.next(self.read_claim)
        return owner

    def _updates(self) -> None:
        # Of the description that the update was decided on; a refused update leaves it out.
        note = Pass("Note what was served", input_path=SERVED, result_path=BEFORE)
        note.next(self.pause)
        at_once = deployment_steps.update_endpoint_step("Update endpoint at once", self.given, CLAIMED)
        self.update_at_once = self._attempt(at_once, note)
        self.update = self.update_at_once
        if self.spec.serving.bake_seconds:
            self.update = self._attempt(deployment_steps.watched_update_step(self.spec, self.given), note)

    def _attempt(self, step: Task, then: State) -> Task:
        step.add_catch(
            Catch(error_equals=["States.TaskFailed"], next_step=self.refused, result_path="$.Refusal")
        )
        step.next(then)
        return step

    def _return(self, state_id: str, config: str) -> Task:
        """Give the endpoint to another model than ours; what alarms say of ours must not prevent that."""
        step = deployment_steps.update_endpoint_step(state_id, self.given, config, result_path=RETURNED)
        refused = Choice(f"{state_id}: later?")
        for rule in _passing():
            refused.add_choice(rule, next_step=self.pause)
        refused.add_choice(has(FAILURE), next_step=self.failed)
        because = Pass(f"{state_id}: refused", input_path="$.Refusal.Cause", result_path=FAILURE)
        because.next(self.failed)
        refused.default_choice(because)
        step.add_catch(Catch(error_equals=["States.TaskFailed"], next_step=refused, result_path="$.Refusal"))
        step.next(self.pause)
        return step

    def _test(self, aws: Surroundings) -> Task:
        test = deployment_steps.endpoint_test_step(aws, self.given)
        failed = self._because("Test failed", "$.Test.Cause")
        test.add_catch(Catch(error_equals=["States.TaskFailed"], next_step=failed, result_path="$.Test"))
        prove = claim_steps.prove_claim_step(self.given)
        prove.add_catch(Catch(error_equals=[TAKEN], next_step=self.read_claim, result_path="$.Proven"))
        test.next(prove)
        prove.next(outcome("Deployed", "deployed"))
        return test

    def _find(self, test: Task) -> None:
        find = deployment_steps.find_endpoint_step(self.given)
        self.read_claim.next(find)
        missing = self._missing()
        find.add_catch(Catch(error_equals=["States.TaskFailed"], next_step=missing, result_path="$.NotFound"))
        claim = Choice("Claim still ours?")
        find.next(claim)
        claim.add_choice(ChoiceRule.IsPresent(CLAIMED, False), next_step=self._unclaimed())
        claim.add_choice(ChoiceRule.StringEqualsPath(CLAIMED, OURS), next_step=self._ours(test))
        claim.default_choice(self._theirs())

    def _ours(self, test: Task) -> Choice:
        """The claim is ours: whatever the endpoint serves, it is to serve our model."""
        state, updated = Choice("Endpoint in service?"), has(BEFORE)
        explained = has("$.Endpoint.FailureReason")
        reason = self._because("Endpoint says why", "$.Endpoint.FailureReason")
        back = self._because_text(
            "Endpoint went back",
            "After the update the endpoint serves what it served before; SageMaker gives no reason",
        )
        out = self._because_text(
            "Endpoint out of service", "The endpoint is out of service; DescribeEndpoint may say why"
        )
        went_back = ChoiceRule.StringEqualsPath(SERVED, BEFORE)
        state.add_choice(ChoiceRule.And([IN_SERVICE, OURS_IS_SERVED]), next_step=test)
        state.add_choice(ChoiceRule.And([IN_SERVICE, updated, explained]), next_step=reason)
        state.add_choice(ChoiceRule.And([IN_SERVICE, updated, went_back]), next_step=back)
        state.add_choice(ChoiceRule.And([IN_SERVICE, FORCED]), next_step=self.update_at_once)
        state.add_choice(IN_SERVICE, next_step=self.update)
        # One that was never created serves nobody, and SageMaker takes no other call for it.
        never_created = [
            ChoiceRule.StringEquals(STATUS, "Failed"),
            ChoiceRule.IsPresent("$.Deployment", False),
        ]
        delete = self._attempt(deployment_steps.delete_endpoint_step(self.given), self.pause)
        state.add_choice(ChoiceRule.And(never_created), next_step=delete)
        broken = is_one_of("OutOfService", "UpdateRollbackFailed")
        state.add_choice(ChoiceRule.And([broken, ChoiceRule.Not(TRIED)]), next_step=self.update_at_once)
        ended = is_one_of("Failed", "OutOfService", "UpdateRollbackFailed")
        state.add_choice(ChoiceRule.And([ended, explained]), next_step=reason)
        state.add_choice(ended, next_step=out)
        state.default_choice(self.pause)
        return state

    def _theirs(self) -> Choice:
        """Somebody else has the claim; once that is proven, the endpoint must not be left on our model."""
        state = Choice("Ours to hand over?")
        ours = [IN_SERVICE, OURS_IS_SERVED]
        proven = [has(PROVEN), ChoiceRule.StringEqualsPath(CLAIMED, PROVEN)]
        stuck = Pass(
            "Endpoint not handed over",
            result="The endpoint went back to this execution's model when it was handed over to a newer one",
            result_path=FAILURE,
        )
        stuck.next(self.failed)
        state.add_choice(ChoiceRule.And([*ours, has(RETURNED), has(FAILURE)]), next_step=self.failed)
        state.add_choice(ChoiceRule.And([*ours, has(RETURNED)]), next_step=stuck)
        state.add_choice(ChoiceRule.And([*ours, *proven]), next_step=self.hand_over)
        state.add_choice(ChoiceRule.And([*ours, has(FAILURE), has(BEFORE)]), next_step=self.put_back)
        state.add_choice(ChoiceRule.And([TRIED, CHANGING]), next_step=self.pause)
        state.default_choice(self.leave)
        return state

    def _unclaimed(self) -> Choice:
        """What failed has dropped its claim, as nothing was proven before."""
        state = Choice("Anything to put back?")
        ours = [IN_SERVICE, OURS_IS_SERVED]
        state.add_choice(ChoiceRule.And([*ours, has(RETURNED)]), next_step=self.leave)
        state.add_choice(ChoiceRule.And([*ours, has(BEFORE)]), next_step=self.put_back)
        state.add_choice(ChoiceRule.And([has(RETURNED), CHANGING]), next_step=self.pause)
        state.default_choice(self.leave)
        return state

    def _missing(self) -> Choice:
        state = Choice("Endpoint missing?")
        cause = "$.NotFound.Cause"
        state.add_choice(has(FAILURE), next_step=self.failed)
        state.add_choice(ChoiceRule.IsPresent(CLAIMED, False), next_step=self.stale)
        state.add_choice(ChoiceRule.StringMatches(cause, "*Could not find endpoint*"), next_step=self.create)
        state.add_choice(
            ChoiceRule.StringMatches(cause, "*not authorized*"), next_step=self._because("Not allowed", cause)
        )
        # This integration gives every error one name: what is left is throttling and the like.
        state.default_choice(self.pause)
        return state

    def _refusal(self) -> Choice:
        """Wait conflicts out and look anew: a plain retry could put an old model over a new one."""
        state = Choice("Try again later?")
        for rule in _passing():
            state.add_choice(rule, next_step=self.pause)
        state.default_choice(self._because("Update refused", "$.Refusal.Cause"))
        return state

    def _because(self, state_id: str, path: str) -> Pass:
        state = Pass(state_id, input_path=path, result_path=FAILURE)
        state.next(self.withdraw)
        return state

    def _because_text(self, state_id: str, text: str) -> Pass:
        state = Pass(state_id, result=text, result_path=FAILURE)
        state.next(self.withdraw)
        return state

    def _withdrawal(self) -> Task:
        restore = claim_steps.restore_claim_step(self.given)
        drop = claim_steps.drop_claim_step(self.given)
        for step, otherwise in ((restore, drop), (drop, self.read_claim)):
            step.add_catch(Catch(error_equals=[TAKEN], next_step=otherwise, result_path="$.Withdrawn"))
            step.next(self.read_claim)
        return restore

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


def _passing() -> list[ChoiceRule]:
    cause, full = "$.Refusal.Cause", "SageMaker.ResourceLimitExceededException"
    rules = [ChoiceRule.StringMatches(cause, pattern) for pattern in PASSING]
    # Not seen yet, or deleted: SageMaker's reads are eventually consistent, and CreateEndpoint's reference
    # asks for another try. The pauses before this one add up to half a minute at least.
    unseen = ChoiceRule.StringMatches(cause, "*Could not find endpoint configuration*")
    early = ChoiceRule.NumericLessThan("$.Pause.Seconds", 9)
    return [*rules, ChoiceRule.StringEquals("$.Refusal.Error", full), ChoiceRule.And([unseen, early])]
