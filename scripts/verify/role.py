"""The role that Airflow takes in a verification: it has Airflow's policy and nothing else."""

from __future__ import annotations

import json

import boto3
from botocore.exceptions import ClientError

from scripts.verify.evidence import Evidence
from scripts.verify.probes import patiently


def make_role(evidence: Evidence) -> None:
    """
    Make the role, and see whether it can be taken.

    The root user of an account can take none, and others may lack the right: then the evidence says so.
    """
    account, names = evidence.account, evidence.names
    iam, sts = evidence.client("iam"), evidence.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {
                    "AWS": f"arn:{account.principal.split(':')[1]}:iam::{account.number}:root",
                },
                "Action": "sts:AssumeRole",
            }
        ],
    }
    try:
        arn = str(
            iam.create_role(RoleName=names.role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        )
        iam.attach_role_policy(RoleName=names.role, PolicyArn=evidence.outputs["AirflowPolicyArn"])
        # IAM tells its servers of a new role within seconds.
        patiently(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="verify"))
    except ClientError as error:
        evidence.facts["role"] = f"the role cannot be taken: {error}"
        return
    evidence.role = arn


def airflows_session(evidence: Evidence) -> boto3.Session:
    """Take the role, for an hour."""
    found = evidence.client("sts").assume_role(RoleArn=evidence.role, RoleSessionName="probe")["Credentials"]
    return boto3.Session(
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
        region_name=evidence.account.region,
    )
