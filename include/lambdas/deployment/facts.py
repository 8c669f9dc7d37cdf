"""What is known when a deployment is decided on, and what can be done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from .serving import Live

# The names of the states that do it; "Wait" and "End" among them.
Action = Literal[
    "Create model",
    "Create endpoint config",
    "Write claim",
    "Create endpoint",
    "Update endpoint",
    "Delete endpoint",
    "Test endpoint",
    "Wait for endpoint",
    "End",
]
CHANGING = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")


@dataclass(frozen=True)
class Candidate:
    """A model as an endpoint serves it.

    :param config: endpoint config, of which each execution makes one of its own.
    :param window_end: end of its data's window, ISO 8601 UTC: texts of one length, that compare. Empty where
        nobody knows.
    :param execution: ARN of the execution that deploys it.
    :param serving: what model.yaml said of serving then, as text. Empty where nobody knows.
    """

    config: str
    model: str = ""
    window_end: str = ""
    execution: str = ""
    serving: str = ""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as DescribeEndpoint describes it.

    :param changed: when it changed last; two looks with the same have seen the same.
    :param reason: why its last change failed.
    :param ours: whether a retrain has made its endpoint config; others are somebody's own choice.
    :param window_end: of the data of the model that it serves, where a retrain has made it.
    :param live: how it serves its model, where ours is to be served like it.
    :param unkept: why it cannot be, without something being dropped.
    """

    status: str
    config: str
    changed: str
    reason: str = ""
    model: str = ""
    ours: bool = True
    window_end: str = ""
    live: Live | None = None
    unkept: str = ""

    @property
    def changing(self) -> bool:
        """Whether SageMaker is at work on it, and takes no other call."""
        return self.status in CHANGING


@dataclass(frozen=True)
class Hold:
    """A person's word that an endpoint stays with its model until it is released."""

    by: str
    reason: str
    since: str


@dataclass(frozen=True)
class Item:
    """What the table says of an endpoint: ``claim`` is to be served, ``proven`` was, and predicted.

    :param claimant_runs: whether the execution that has the claim is still at work.
    :param version: counts the writes; None for no item.
    """

    claim: Candidate | None = None
    proven: Candidate | None = None
    hold: Hold | None = None
    claimant_runs: bool = False
    version: int | None = None


@dataclass(frozen=True)
class Memory:
    """What this execution has asked for so far; it goes with the execution as JSON.

    :param action: what was asked for last; ``config`` names what the endpoint was to serve.
    :param looked: the endpoint's ``changed`` when that was asked for, ``before`` the config that it served.
    :param moved: SageMaker has taken on a change of which no end was seen yet.
    :param touched: the endpoint may have changed through us, whatever was answered.
    :param deployments: how often the endpoint was to take our model, ``returns`` how often another.
    :param modelless: our model could not be made; ``configured``: our endpoint config was.
    :param tested: the endpoint's ``changed`` when our model was in service and predicted.
    :param proving: the claim was to be written as proven.
    :param failure: why our model is not to be served.
    :param refusals: how often in a row SageMaker refused for now.
    :param unseen: how often in a row a look did not show what SageMaker has taken on.
    :param short: how often SageMaker had no instance for our model.
    :param rest: seconds to wait before the endpoint is changed again.
    :param asked: how often a decision was asked for, and ``waited`` how long, in seconds.
    :param redrives: how often the execution had been redriven by then.
    """

    action: str = ""
    config: str = ""
    looked: str = ""
    before: str = ""
    moved: bool = False
    touched: bool = False
    deployments: int = 0
    returns: int = 0
    modelless: bool = False
    configured: bool = False
    tested: str = ""
    proving: bool = False
    failure: str = ""
    refusals: int = 0
    unseen: int = 0
    short: int = 0
    rest: int = 0
    asked: int = 0
    waited: int = 0
    redrives: int = 0

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; what an older or newer function kept beside it is left out."""
        return cls(**{name: kept[name] for name in cls.__dataclass_fields__ if name in kept})

    def to_json(self) -> dict[str, Any]:
        """Give what is not as at first."""
        first = Memory()
        return {name: value for name, value in asdict(self).items() if value != getattr(first, name)}

    def but(self, **changes: Any) -> Memory:
        """Give the same with other values."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Facts:
    """All that a decision rests on.

    :param policy: of the execution's input: ``never``, ``if_newer`` or ``force``.
    :param endpoint: None where there is none.
    :param refused: cause of the last action's error, with its name before it; empty where it went well.
    :param redrives: how often the execution was redriven.
    :param overrules: whether a hold is to be overruled, as rolling back does; ``hold`` takes its place then.
    """

    mine: Candidate
    policy: str
    item: Item = field(default_factory=Item)
    endpoint: Endpoint | None = None
    memory: Memory = field(default_factory=Memory)
    refused: str = ""
    redrives: int = 0
    overrules: bool = False
    hold: Hold | None = None

    def but(self, **changes: Any) -> Facts:
        """Give the same with other values."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Decision:
    """What to do next.

    :param config: what the endpoint is to serve, where it is created or updated.
    :param item: what the table is to say, where it is written.
    :param seconds: how long to wait, where to wait.
    :param outcome: how the deployment ended, where it ended well; ``failure`` says why it did not.
    :param guarded: whether alarms may roll the update back.
    :param retains: whether an update keeps the number of instances that the endpoint has.
    """

    action: Action
    memory: Memory
    config: str = ""
    item: Item | None = None
    seconds: int = 0
    outcome: str = ""
    failure: str = ""
    guarded: bool = False
    retains: bool = False

    def but(self, **changes: Any) -> Decision:
        """Give the same with other values."""
        return replace(self, **changes)
