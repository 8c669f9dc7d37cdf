"""Choosing ports on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Collection

_TRIED = 50


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As the servers do: a connection that lingers in TIME_WAIT does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def pick(preferred: int, *, taken: Collection[int]) -> int:
    """
    Return the preferred port or the next free one after it.

    :param preferred: the first to try; 0 for any free one
    :param taken: ports promised to others
    :raises OSError: when the ports after the preferred one are taken too
    """
    if not preferred:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])
    for port in range(preferred, preferred + _TRIED):
        if port not in taken and is_free(port):
            return port
    raise OSError(f"ports {preferred} to {preferred + _TRIED - 1} are all taken")
