from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.embedded_aws import LocalAws, running_aws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """The embedded AWS, provisioned, for all tests together."""
    with running_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws
