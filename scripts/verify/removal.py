"""Removes all that a verification made, found by the stack's name alone, and looks whether it is gone."""

from __future__ import annotations

from collections.abc import Callable

from scripts.aws_account import Account
from scripts.verify import remove_stack, remove_work
from scripts.verify.evidence import Evidence, Names
from scripts.verify.leftovers import leftovers
from scripts.verify.waiting import RemovalError

Step = Callable[[Evidence], None]


class Removal:
    """
    The steps that remove a verification's stack and what it made.

    :ivar left: what has not been removed yet.
    """

    def __init__(self, account: Account, names: Names) -> None:
        self._it = Evidence(account, names)
        self.names = names
        self._steps: list[tuple[str, Step]] = [
            (f"executions and state machines {names.stack}-*", remove_work.state_machines),
            ("training jobs", remove_work.training_jobs),
            ("Glue job runs under way", remove_work.etl_jobs),
            ("log streams of Glue job runs", remove_stack.etl_logs),
            (f"endpoint {names.endpoint}", remove_work.endpoint),
            ("endpoint configs", remove_work.endpoint_configs),
            ("models", remove_work.models),
            (f"role {names.role}", remove_stack.role),
            (f"stack {names.stack}", remove_stack.stack),
            (f"table {names.stack}-deployments", remove_stack.table),
            (f"buckets {', '.join(remove_stack.buckets(self._it))}", remove_stack.empty_buckets),
            ("other log groups and log streams", remove_stack.logs),
        ]
        self.left = [what for what, _ in self._steps]

    def before_deletion(self) -> None:
        """Remove what cannot be found any more when the stack is gone."""
        remove_stack.etl_logs(self._it)

    def run(self) -> None:
        """
        Remove everything; what is gone already is no error, and a step that fails hinders no other.

        :raises RemovalError: says what is left
        """
        problems = []
        for what, step in self._steps:
            try:
                step(self._it)
            except Exception as error:  # noqa: BLE001 - the other steps go on
                problems.append(f"  {what}: {type(error).__name__}: {error}")
                continue
            self.left.remove(what)
            print(f"  removed: {what}", flush=True)
        # What could not be removed does not go by itself.
        found = leftovers(self._it, 0) if problems else leftovers(self._it)
        problems += [f"  still there: {thing}" for thing in found]
        if problems:
            raise RemovalError("\n".join(["left:", *problems]))

    def hint(self) -> str:
        """How to remove what is left."""
        return f"make verify-aws CLEAN={self.names.stack}"
