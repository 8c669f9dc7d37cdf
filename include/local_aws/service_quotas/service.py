"""
Service Quotas for SageMaker, which moto has not.

ListServiceQuotas leaves out quotas that have a default alone, as all have until somebody asks for more:
https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from __future__ import annotations

import re
from typing import Any

import boto3
from moto.core.responses import ActionResult
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.responses import ServiceQuotasResponse

from include.local_aws.runtime import Runtime

# What each instance type gets; AWS's differ. There are no instances here to run out of.
DEFAULT = 20.0
PAGE = 100
# Uses of instances as Service Quotas names them, by the enumeration of what can be used so.
USES = {
    "TrainingInstanceType": "for training job usage",
    "ProductionVariantInstanceType": "for endpoint usage",
}


def install(_runtime: Runtime) -> None:
    """Put the answers in place."""
    ServiceQuotasResponse.list_service_quotas = _respond_list_service_quotas
    ServiceQuotasResponse.list_aws_default_service_quotas = _respond_list_aws_default_service_quotas


def _respond_list_service_quotas(response: ServiceQuotasResponse) -> ActionResult:
    _check(response)
    return ActionResult({"Quotas": []})


def _respond_list_aws_default_service_quotas(response: ServiceQuotasResponse) -> ActionResult:
    _check(response)
    quotas, begin = _defaults(), int(response._get_param("NextToken") or 0)
    end = begin + (response._get_param("MaxResults") or PAGE)
    return ActionResult({"Quotas": quotas[begin:end], "NextToken": str(end) if end < len(quotas) else None})


def _check(response: ServiceQuotasResponse) -> None:
    if response._get_param("ServiceCode") != "sagemaker":
        raise NoSuchResource


def _defaults() -> list[dict[str, Any]]:
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model
    shapes: dict[str, Any] = {shape: model.shape_for(shape) for shape in USES}
    names = [f"{kind} {use}" for shape, use in USES.items() for kind in shapes[shape].enum]
    return [
        {
            "ServiceCode": "sagemaker",
            "QuotaName": name,
            "QuotaCode": f"L-{re.sub(r'[^A-Za-z0-9]', '', name)}",
            "Value": DEFAULT,
        }
        for name in sorted(names)
    ]
