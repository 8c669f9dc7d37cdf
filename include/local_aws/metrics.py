"""What the services tell CloudWatch of themselves: metrics under AWS's names, in moto's store of them."""

from __future__ import annotations

from moto.cloudwatch.models import cloudwatch_backends

from include.local_aws.clock import clock
from include.local_aws.runtime import ACCOUNT_ID, REGION


def record(
    namespace: str,
    values: dict[str, float],
    dimensions: dict[str, str],
    *,
    unit: str = "Count",
    region: str = REGION,
) -> None:
    """
    Add a datum to each of some metrics.

    :param namespace: such as ``AWS/States``.
    :param values: what to add, by the metric's name.
    :param dimensions: the same for all of them.
    """
    at = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    now = clock.now().replace(tzinfo=None)
    cloudwatch_backends[ACCOUNT_ID][region].put_metric_data(
        namespace,
        [
            {"MetricName": name, "Value": value, "Dimensions": at, "Unit": unit, "Timestamp": now}
            for name, value in values.items()
        ],
    )
