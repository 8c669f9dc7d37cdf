"""The roles that SageMaker is given: they have to be there and to let SageMaker take them."""

from __future__ import annotations

from moto.sagemaker.exceptions import ValidationError

from include.local_aws.iam.roles import can_be_taken

SERVICE = "sagemaker.amazonaws.com"


def require_role(arn: str) -> None:
    """
    Refuse a role that SageMaker cannot take, whether or not policies are enforced.

    The words are AWS's own, as awslabs/predictive-maintenance-using-machine-learning#3 quotes them.

    :raises ValidationError: naming the role.
    """
    if not can_be_taken(arn, SERVICE):
        raise ValidationError(
            message=f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            f"'{SERVICE}' to assume the role."
        )


def require_execution_role(arn: str) -> None:
    """
    Refuse the role of a model likewise, in the words of CreateModel, which bentoml/BentoML#892 quotes.

    :raises ValidationError: naming the role.
    """
    if not can_be_taken(arn, SERVICE):
        raise ValidationError(
            message=f'The execution role ARN "{arn}" is invalid. Please ensure that the role exists and that '
            f'its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
            f'"{SERVICE}".'
        )
