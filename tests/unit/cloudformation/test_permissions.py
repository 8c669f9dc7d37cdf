"""The template grants the state machine and Airflow what they call, and nothing more."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file  # type: ignore[import-untyped]

from include.local_aws.iam.policy import Document, Need, is_allowed
from tests.unit.cloudformation.needed_actions import of_airflow, of_definition
from tests.unit.cloudformation.template import ACCOUNT, PATH, REGION, Template, granted_actions
from tests.unit.conftest import SURROUNDINGS

RULES_OF_BEFORE = Path(__file__).parents[1] / "deployment" / "exploration" / "rules_of_before.json"
MACHINE, AIRFLOW = "StateMachineRole", "AirflowPolicy"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/a"
NETWORK = {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "GlueAvailabilityZone": "eu-west-1a"}
# Actions for which AWS has no resource level.
WITHOUT_RESOURCES = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListModels",
    "sagemaker:ListTrainingJobs",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "servicequotas:ListServiceQuotas",
    "tag:GetResources",
}
POLICIES = [
    name
    for name, resource in Template().resources.items()
    if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
]


@pytest.fixture(scope="module")
def machine_needs(definition: dict[str, Any]) -> list[Need]:
    """What the first model's state machine needs, with the names that the template gives."""
    template = Template()
    values = {
        "GlueJobName": template.ref("GlueJob"),
        "LambdaFunctionName": template.ref("MetricsFunction"),
        "EndpointTestFunctionName": template.ref("EndpointTestFunction"),
        "DeploymentFunctionName": template.ref("DeploymentFunction"),
        "DeploymentsTable": template.ref("DeploymentsTable"),
    }
    text = json.dumps(definition).replace(SURROUNDINGS.training_role, template.arn("TrainingRole"))
    # Executions that began before an upgrade end by the rules that they began with.
    before = json.loads(RULES_OF_BEFORE.read_text())
    return [*of_definition(json.loads(text), values), *of_definition(before, values)]


def differences(documents: Iterable[Document], needed: Iterable[str]) -> tuple[set[str], set[str]]:
    """The actions that a policy lacks, and those that it has too many."""
    granted, wanted = granted_actions(documents), set(needed)
    return wanted - granted, granted - wanted


def denied(documents: list[dict[str, Any]], needed: Iterable[Need]) -> list[Need]:
    return [need for need in needed if not is_allowed(documents, need)]


def without(documents: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    """The same policies without an action."""
    changed = copy.deepcopy(documents)
    for document in changed:
        for statement in document["Statement"]:
            actions = statement["Action"]
            listed = actions if isinstance(actions, list) else [actions]
            statement["Action"] = [found for found in listed if found != action]
    return changed


def test_the_state_machines_role_allows_what_the_definition_calls_and_no_other_action(
    machine_needs: list[Need],
) -> None:
    documents = Template().policies(MACHINE)
    assert denied(documents, machine_needs) == []
    assert differences(documents, {need.action for need in machine_needs}) == (set(), set())


def test_airflows_policy_has_the_actions_that_its_side_calls_and_no_other() -> None:
    needed = of_airflow()
    missing, excess = differences(Template().policies(AIRFLOW), needed)
    assert {action: needed[action] for action in missing} == {}
    assert excess == set()


@pytest.mark.parametrize("action", sorted(granted_actions(Template().policies(MACHINE))))
def test_an_action_that_the_state_machines_role_lacks_is_missed(
    machine_needs: list[Need], action: str
) -> None:
    documents = without(Template().policies(MACHINE), action)
    assert {need.action for need in denied(documents, machine_needs)} == {action}
    assert differences(documents, {need.action for need in machine_needs}) == ({action}, set())


@pytest.mark.parametrize("action", sorted(granted_actions(Template().policies(AIRFLOW))))
def test_an_action_that_airflows_policy_lacks_is_missed(action: str) -> None:
    assert differences(without(Template().policies(AIRFLOW), action), of_airflow()) == ({action}, set())


def statements(role: str) -> list[tuple[str, int]]:
    (document,) = Template().policies(role)
    return [(role, number) for number in range(len(document["Statement"]))]


@pytest.mark.parametrize(("role", "number"), [*statements(MACHINE), *statements(AIRFLOW)])
def test_an_action_too_many_in_any_statement_is_noticed(
    machine_needs: list[Need], role: str, number: int
) -> None:
    documents = Template().policies(role)
    statement = documents[0]["Statement"][number]
    actions = statement["Action"]
    statement["Action"] = [*(actions if isinstance(actions, list) else [actions]), "s3:DeleteBucket"]
    needed = {need.action for need in machine_needs} if role == MACHINE else set(of_airflow())
    assert differences(documents, needed) == (set(), {"s3:DeleteBucket"})


@pytest.mark.parametrize(
    "change",
    [
        lambda need: Need(need.action, need.resource.replace("123456789012", "210987654321"), need.context),
        lambda need: Need(need.action, need.resource.replace("eu-west-1", "us-east-1"), need.context),
    ],
    ids=["account", "region"],
)
def test_the_state_machine_is_confined_to_account_and_region(
    machine_needs: list[Need], change: Callable[[Need], Need]
) -> None:
    elsewhere = [need for need in map(change, machine_needs) if need not in machine_needs]
    assert elsewhere
    assert denied(Template().policies(MACHINE), elsewhere) == elsewhere


STATES = f"arn:aws:states:{REGION}:{ACCOUNT}"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"


@pytest.mark.parametrize(
    ("policy", "action", "resource"),
    [
        (AIRFLOW, "states:StartExecution", f"{STATES}:stateMachine:model-retraining-test-m"),
        (AIRFLOW, "states:UpdateStateMachine", f"{STATES}:stateMachine:model-retraining-test-m"),
        (AIRFLOW, "states:StopExecution", f"{STATES}:execution:model-retraining-test-m:a-run"),
        (AIRFLOW, "sagemaker:DeleteModel", f"{SAGEMAKER}:model/a-model"),
        (AIRFLOW, "sagemaker:DeleteEndpointConfig", f"{SAGEMAKER}:endpoint-config/a-config"),
        (MACHINE, "sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/an-endpoint"),
        (MACHINE, "sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/an-endpoint"),
        (MACHINE, "sagemaker:AddTags", f"{SAGEMAKER}:endpoint/an-endpoint"),
        (MACHINE, "sagemaker:StopTrainingJob", f"{SAGEMAKER}:training-job/a-job"),
    ],
)
def test_what_another_stack_owns_is_out_of_reach(policy: str, action: str, resource: str) -> None:
    """Its name may begin like ours. What has no stack's tag was made before there were any."""
    documents = Template().policies(policy)

    def allowed(**tags: str) -> bool:
        marks = {"model": "m", **tags}
        context = {f"aws:ResourceTag/retraining:{key}": value for key, value in marks.items()}
        return is_allowed(documents, Need(action, resource, context))

    assert allowed(stack="model-retraining")
    assert allowed()
    assert not allowed(stack="model-retraining-test")


@pytest.mark.parametrize("kind", ["training-job", "model", "endpoint-config", "endpoint"])
def test_nothing_is_made_in_another_stacks_name(kind: str) -> None:
    documents = Template().policies(MACHINE)
    for stack, allowed in (("model-retraining", True), ("model-retraining-test", False)):
        context = {"aws:RequestTag/retraining:stack": stack}
        assert is_allowed(documents, Need("sagemaker:AddTags", f"{SAGEMAKER}:{kind}/a", context)) is allowed


@pytest.mark.parametrize("parameters", [{}, {"KmsKeyArn": KEY}, NETWORK], ids=["plain", "key", "network"])
@pytest.mark.parametrize("role", POLICIES)
def test_actions_and_resources_are_enumerated(role: str, parameters: dict[str, str]) -> None:
    for document in Template(**parameters).policies(role):
        assert len(json.dumps(document, separators=(",", ":"))) < 6144
        for statement in document["Statement"]:
            actions = statement["Action"]
            listed = set(actions if isinstance(actions, list) else [actions])
            assert not [action for action in listed if "*" in action or "?" in action]
            if statement["Resource"] == "*":
                assert {a for a in listed if not a.startswith("ec2:Describe")} <= WITHOUT_RESOURCES
            if "iam:PassRole" in listed:
                assert set(statement["Condition"]["StringEquals"]) == {"iam:PassedToService"}


@pytest.mark.parametrize(
    ("parameters", "added"),
    [
        ({"KmsKeyArn": KEY}, {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}),
        (NETWORK, {"glue:GetConnection"}),
    ],
    ids=["key", "network"],
)
def test_a_key_or_a_network_adds_rights_of_its_own_kind_only(
    parameters: dict[str, str], added: set[str]
) -> None:
    for role in POLICIES:
        before = granted_actions(Template().policies(role))
        more = granted_actions(Template(**parameters).policies(role)) - before
        assert {action for action in more if not action.startswith("ec2:")} <= added


def test_every_asterisk_that_stands_for_all_resources_is_explained() -> None:
    lines = PATH.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.strip() != 'Resource: "*"':
            continue
        begin = max(at for at in range(number) if "- Sid:" in lines[at])
        # A statement that is there under a condition begins two lines earlier.
        above = begin - 3 if lines[begin - 1].strip().startswith("- Use") else begin - 1
        assert lines[above].strip().startswith("#"), f"line {number + 1}"


def test_cfn_lint_finds_nothing() -> None:
    assert [str(match) for match in lint_file(PATH)] == []
