"""Instance types with disks of their own, which no key of KMS encrypts.

SageMaker refuses a training job that asks for one (CreateTrainingJob, VolumeKmsKeyId), and leaves such an
endpoint's disks to the hardware's encryption (CreateEndpointConfig, KmsKeyId). Which types have disks:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html
"""

from __future__ import annotations

import re

from retraining.model.spec import ModelSpec

# A ``d`` behind the generation says so; the others are families that have no type without disks.
_FAMILY = re.compile(r"[a-z]+\d+[a-z]*d[a-z]*|dl1|gr?[5-9][ef]?|p[5-9][a-z]*|trn\d[a-z]*")


def key_problem(field: str, instance_type: str, key: str | None) -> str | None:
    """
    Say why a key cannot be used with an instance type.

    :param field: what gives the type, such as ``training.instance_type``
    :param key: ARN of the stack's key, where it has one
    :return: one sentence, or None when there is nothing in the way
    """
    _, family, _ = instance_type.split(".")
    if not key or not _FAMILY.fullmatch(family.partition("-")[0]):
        return None
    return (
        f"{field}: {instance_type} has disks of its own (NVMe), which SageMaker does not encrypt with the"
        f" stack's KmsKeyArn ({key}); allowed are types without, such as ml.m5.xlarge"
    )


def spec_problems(spec: ModelSpec, key: str | None) -> list[str]:
    """
    Say why a key cannot be used with a model's instance types.

    :param key: ARN of the stack's key, where it has one
    """
    given = {
        "training.instance_type": spec.training.instance_type,
        "serving.instance_type": spec.serving.instance_type,
    }
    return [problem for field, it in given.items() if (problem := key_problem(field, it, key))]
