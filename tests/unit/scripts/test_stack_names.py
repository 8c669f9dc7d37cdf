"""A stack's name is one that its buckets can be called after, in every region."""

from __future__ import annotations

import re

import pytest

from scripts import stack_names

ACCOUNT = "123456789012"
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1"])
def test_the_longest_name_makes_the_longest_bucket(region: str) -> None:
    longest = "a" * (44 - len(region))
    assert stack_names.problem(longest, region) is None
    assert len(stack_names.code_bucket(longest, ACCOUNT, region)) == 63
    assert f"at most {len(longest)} are allowed in {region}" in str(
        stack_names.problem(longest + "a", region)
    )


@pytest.mark.parametrize("name", ["model-retraining", "a", "code", "prod-code-2", "x--y"])
def test_what_makes_a_bucket_is_allowed(name: str) -> None:
    assert stack_names.problem(name, "us-east-1") is None
    for bucket in (stack_names.code_bucket, stack_names.data_bucket):
        assert BUCKET.fullmatch(bucket(name, ACCOUNT, "us-east-1"))


@pytest.mark.parametrize(
    "name", ["", "1st", "Prod", "a_b", "a.b", "ä", "-a", "sthree-a", "amzn-s3-demo-a", "prod-code", "a\n"]
)
def test_what_makes_none_is_refused(name: str) -> None:
    assert "buckets are called after the stack" in str(stack_names.problem(name, "us-east-1"))
