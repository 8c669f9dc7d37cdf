"""What a state machine needs to know of the AWS account that it runs in."""

from __future__ import annotations

from dataclasses import dataclass

from retraining.workflow.substitution import Value


@dataclass(frozen=True)
class Surroundings:
    """The account, as a definition knows it.

    :param stack: the CloudFormation stack, to which all belongs that is made.
    :param region: such as ``us-east-1``; decides the image registry and the ARNs' partition.
    :param bucket: holds the raw data, the transform, ETL output and trained models.
    :param training_role: ARN that SageMaker assumes to train and to serve.
    :param transform_uri: ``s3://`` URI of the model's ``transform.sql``.
    :param subnets: IDs of the subnets that training jobs and models run in, with ``security_groups``; empty
        for SageMaker's own network.
    :param kms_key: ARN of the key for volumes and trained models; empty for SageMaker's own.
    """

    stack: str
    region: str
    bucket: str
    training_role: str
    transform_uri: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    kms_key: str = ""

    def values(self, image: str) -> dict[str, Value]:
        """The values by the names that stand for them in a compiled definition.

        :param image: URI of the training image in the region.
        """
        return {
            "Stack": self.stack,
            "Partition": self.training_role.split(":")[1],
            "Bucket": self.bucket,
            "TrainingRole": self.training_role,
            "TrainingImage": image,
            "TransformUri": self.transform_uri,
            "SubnetIds": self.subnets,
            "SecurityGroupIds": self.security_groups,
            "KmsKeyArn": self.kms_key,
        }


# A compiled definition knows no account. What the SDK takes apart has the form of what it stands for;
# include/workflow/compilation.py names it.
NAMED = Surroundings(
    stack="${Stack}",
    region="us-east-1",
    bucket="${Bucket}",
    training_role="arn:aws:iam::000000000000:role/TrainingRole",
    transform_uri="${TransformUri}",
    subnets=("${SubnetIds}",),
    security_groups=("${SecurityGroupIds}",),
    kms_key="${KmsKeyArn}",
)
