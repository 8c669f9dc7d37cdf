from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.local_aws.control import Control
from tests.integration.embedded_aws import LocalAws, running_aws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """The embedded AWS, provisioned, for all tests together."""
    with running_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture
def control(local_aws: LocalAws) -> Iterator[Control]:
    """Faults, quotas and request counts of the embedded AWS; none are left after the test."""
    control = Control(local_aws.endpoint_url)
    control.reset_requests()
    yield control
    control.clear_faults()
    control.enforce_quotas(False)
