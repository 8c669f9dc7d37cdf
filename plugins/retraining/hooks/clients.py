"""Clients of many services from one session: making a session takes longer than all its clients."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from boto3 import Session

from retraining.hooks.stack import StackHook


class ClientsHook(StackHook):
    """Gives clients of other services than its own, through the same connection."""

    @cached_property
    def _session(self) -> Session:
        return self.get_session()

    def client(self, service: str) -> Any:
        """A client of a service.

        :param service: boto3's name of it, such as ``iam``.
        """
        make: Any = self._session.client
        return make(
            service,
            endpoint_url=self.conn_config.get_service_endpoint_url(service_name=service),
            config=self.config,
            verify=self.verify,
        )
