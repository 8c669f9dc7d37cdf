"""Names that CloudFormation makes up: new for what is made again, and the same in every embedded AWS.

A state machine names its stack's roles, so one that was compiled for one embedded AWS is right for the next.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter

from moto.cloudformation import parsing

# As many as CloudFormation takes.
_SUFFIX_LENGTH = 12


def install() -> None:
    """Draw no lots."""
    generate, lock = parsing.generate_resource_name, threading.Lock()
    made: Counter[tuple[str, str]] = Counter()

    def generate_resource_name(resource_type: str, stack_name: str, logical_id: str) -> str:
        with lock:
            made[stack_name, logical_id] += 1
            seed = f"{stack_name} {logical_id} {made[stack_name, logical_id]}"
            digest = base64.b32encode(hashlib.sha256(seed.encode()).digest()).decode()
            parsing.random_suffix = lambda: digest[:_SUFFIX_LENGTH]
            name: str = generate(resource_type, stack_name, logical_id)
            return name

    parsing.generate_resource_name = generate_resource_name
