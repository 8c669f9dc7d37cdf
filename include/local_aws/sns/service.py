"""
SNS, over moto: queues and functions get messages as AWS writes them, if their policies let SNS in.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html and
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from typing import Any

from moto.awslambda.models import LambdaBackend
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription
from moto.sns.responses import SNSResponse

from include.local_aws.iam.resource_policies import require_policy
from include.local_aws.runtime import Runtime

log = logging.getLogger(__name__)

SERVICE = "sns.amazonaws.com"
REACHED = ("sqs", "lambda")
# Nobody is written to; who is to be told can be seen.
KEPT = ("email", "email-json")
# Text messages and mobile push, of which moto keeps records. Left out, they are refused as not supported.
REFUSED = (
    *("create_platform_application", "get_platform_application_attributes", "list_platform_applications"),
    *("set_platform_application_attributes", "delete_platform_application", "create_platform_endpoint"),
    *("list_endpoints_by_platform_application", "get_endpoint_attributes", "set_endpoint_attributes"),
    *("delete_endpoint", "get_sms_attributes", "set_sms_attributes", "opt_in_phone_number"),
    *("check_if_phone_number_is_opted_out", "list_phone_numbers_opted_out"),
)
# What a function's event calls otherwise than the message does.
EVENT_NAMES = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}

_notification: ContextVar[tuple[Subscription, str, dict[str, Any]]] = ContextVar("notification")


def install(runtime: Runtime) -> None:
    """Put the corrections in place; what moto tells a function is made up."""
    for name in REFUSED:
        delattr(SNSResponse, name)
    subscribe, publish, message_of = SNSBackend.subscribe, Subscription.publish, Subscription.get_post_data
    publish_to, set_attribute = SNSBackend.publish, SNSBackend.set_subscription_attributes

    def subscribe_to_what_is_reached(
        backend: SNSBackend, topic_arn: str, endpoint: str, protocol: str
    ) -> Subscription:
        if protocol not in REACHED + KEPT:
            raise SNSInvalidParameter(
                f"Invalid parameter: Protocol: the embedded AWS sends to {' and '.join(REACHED)}, and keeps "
                f"{' and '.join(KEPT)}, got {protocol!r}"
            )
        return subscribe(backend, topic_arn, endpoint, protocol)

    def set_subscription_attribute(backend: SNSBackend, arn: str, name: str, value: Any) -> None:
        if name == "RedrivePolicy" and value:
            raise SNSInvalidParameter("Invalid parameter: RedrivePolicy: not supported by the embedded AWS")
        set_attribute(backend, arn, name, value)

    def publish_to_topic(backend: SNSBackend, *what: Any, **more: Any) -> str:
        if more.get("phone_number"):
            raise SNSInvalidParameter("Invalid parameter: PhoneNumber: not supported by the embedded AWS")
        return str(publish_to(backend, *what, **more))

    def publish_if_permitted(subscription: Subscription, message: str, message_id: str, **more: Any) -> None:
        try:
            if subscription.protocol in REACHED:
                source = subscription.topic.arn
                require_policy(runtime, subscription.endpoint, service=SERVICE, source=source)
        except Exception as error:  # noqa: BLE001 - whoever publishes is not told on AWS either
            log.warning(
                "subscription %s: %s was not reached: %s", subscription.arn, subscription.endpoint, error
            )
            return
        token = _notification.set((subscription, message_id, more.get("message_attributes") or {}))
        try:
            publish(subscription, message, message_id, **more)
        finally:
            _notification.reset(token)

    def message_with_its_own_address(subscription: Subscription, *what: Any, **more: Any) -> dict[str, Any]:
        message: dict[str, Any] = message_of(subscription, *what, **more)
        host = f"https://sns.{subscription.topic.sns_backend.region_name}.amazonaws.com"
        message["UnsubscribeURL"] = f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription.arn}"
        return message

    SNSBackend.subscribe = subscribe_to_what_is_reached
    SNSBackend.set_subscription_attributes = set_subscription_attribute
    SNSBackend.publish = publish_to_topic
    Subscription.publish = publish_if_permitted
    Subscription.get_post_data = message_with_its_own_address
    LambdaBackend.send_sns_message = _send_to_function


def _send_to_function(
    backend: LambdaBackend, name: str, message: str, subject: str | None = None, qualifier: str | None = None
) -> None:
    subscription, message_id, attributes = _notification.get()
    said = subscription.get_post_data(message, message_id, subject, attributes)
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {
            **{EVENT_NAMES.get(field, field): value for field, value in said.items()},
            "Subject": subject,
            "MessageAttributes": attributes,
        },
    }
    function = backend._lambdas.get_function_by_name_or_arn_with_qualifier(name, qualifier)
    function.invoke(json.dumps({"Records": [record]}), {}, {})
