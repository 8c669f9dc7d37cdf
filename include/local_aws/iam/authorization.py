"""Lets a principal of the account do what its policies allow, and nothing else, when that is asked for."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from include.local_aws.faults.kinds import FailCall
from include.local_aws.iam.missing_keys import missing_key_needs
from include.local_aws.iam.needs import needs
from include.local_aws.iam.policy import Document, Need, is_allowed
from include.local_aws.iam.tags import tag_context
from include.local_aws.iam.trust import refusing_service
from include.local_aws.operations import Operation
from include.local_aws.runtime import (
    ACCOUNT_ID,
    AIRFLOW_KEY,
    AIRFLOW_USER,
    CREDENTIALS,
    OBSERVER_KEY,
    ROLE_KEY,
)
from include.local_aws.validation.constraints import Parameters


def key_of(environ: dict[str, Any]) -> str:
    """The access key that a request is signed with."""
    return str(environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition("/")[0])


class Authorization:
    """
    Judges requests by who signed them: Airflow's user, or a role that a service took.

    Whoever signs with the embedded AWS's own key is its administrator. Signatures are not verified.

    :param enforced: whether anybody is refused anything.
    """

    def __init__(self, enforced: bool) -> None:
        self.enforced = enforced
        self._lock = threading.Lock()
        self._used: defaultdict[str, set[str]] = defaultdict(set)
        self._denied: defaultdict[str, set[str]] = defaultdict(set)

    def described(self) -> dict[str, Any]:
        """Whether policies are enforced, and the actions that each principal was allowed and denied."""
        with self._lock:
            used, denied = (
                {principal: sorted(actions) for principal, actions in found.items()}
                for found in (self._used, self._denied)
            )
        return {"enforced": self.enforced, "used": used, "denied": denied}

    def refusal(
        self, environ: dict[str, Any], operation: Operation, parameters: Parameters | None
    ) -> FailCall | None:
        """
        Why a request is refused, if it is.

        :param parameters: None for what is no request of a service; only the administrator sends that.
        """
        if not self.enforced:
            return None
        key = key_of(environ)
        if key in (CREDENTIALS["AWS_ACCESS_KEY_ID"], OBSERVER_KEY):
            return None
        try:
            principal, documents = _principal(key)
        except NotFoundException:
            return _refuse(operation, "InvalidClientTokenId", "The security token of the request is invalid.")
        if service := _refusing_service(key):
            return _refuse(
                operation,
                "AccessDenied",
                f"User: {service} is not authorized to perform: sts:AssumeRole on resource: {principal}",
            )
        wanted = list(self._needs(operation, parameters))
        for need in wanted:
            if not is_allowed(documents, need):
                with self._lock:
                    self._denied[principal].add(need.action)
                return _refuse(
                    operation,
                    "AccessDenied",
                    f"User: {principal} is not authorized to perform: {need.action} on resource: "
                    f"{need.resource} because no identity-based policy allows the {need.action} action",
                )
        with self._lock:
            self._used[principal].update(need.action for need in wanted)
        return None

    def _needs(self, operation: Operation, parameters: Parameters | None) -> Iterator[Need]:
        if parameters is None:
            yield Need(f"{operation.service}:{operation.name}", "*")
            return
        for need in needs(
            operation.service, operation.name, parameters, region=operation.region, account=ACCOUNT_ID
        ):
            tags = tag_context(need.resource, parameters, operation.region)
            yield Need(need.action, need.resource, {**need.context, **tags})
        yield from missing_key_needs(operation, parameters)


def _refusing_service(key: str) -> str | None:
    """The service that signs with a role's key although the role does not let it."""
    if not key.startswith(ROLE_KEY):
        return None
    role = iam_backends[ACCOUNT_ID]["aws"].get_role(key.removeprefix(ROLE_KEY))
    return refusing_service(role.assume_role_policy_document)


def _principal(key: str) -> tuple[str, list[Document]]:
    iam = iam_backends[ACCOUNT_ID]["aws"]
    if key.startswith(ROLE_KEY):
        name = key.removeprefix(ROLE_KEY)
        inline = [iam.get_role_policy(name, policy)[1] for policy in iam.list_role_policies(name)]
        attached = iam.list_attached_role_policies(name)[0]
        principal = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{name}/service"
    elif key == AIRFLOW_KEY["AWS_ACCESS_KEY_ID"]:
        inline, attached = [], iam.list_attached_user_policies(AIRFLOW_USER)[0]
        principal = f"arn:aws:iam::{ACCOUNT_ID}:user/{AIRFLOW_USER}"
    else:
        name = _assumed_role(key)
        inline = [iam.get_role_policy(name, policy)[1] for policy in iam.list_role_policies(name)]
        attached = iam.list_attached_role_policies(name)[0]
        principal = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{name}/session"
    versions = [version for policy in attached for version in policy.versions if version.is_default]
    return principal, [json.loads(text) for text in (*inline, *(version.document for version in versions))]


def _assumed_role(key: str) -> str:
    """The name of the role that somebody has assumed and got this key for."""
    session = sts_backends[ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(key)
    if session is None:
        raise NotFoundException(key)
    return str(session.role_arn).rpartition("/")[2]


def _refuse(operation: Operation, code: str, message: str) -> FailCall:
    # Services with JSON name the error otherwise.
    suffix = "Exception" if operation.protocol == "json" and code == "AccessDenied" else ""
    status = 400 if operation.protocol == "json" else 403
    return FailCall(str(operation), f"{code}{suffix}", status, message)
