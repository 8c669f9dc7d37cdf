"""What a verification costs, as arithmetic that a person can check."""

from __future__ import annotations

from dataclasses import dataclass

# On-demand list prices of us-east-1 in USD, of 2025; other regions cost up to half as much again.
# https://aws.amazon.com/sagemaker/ai/pricing/ and https://aws.amazon.com/glue/pricing/
PRICES_OF = "us-east-1, 2025"


@dataclass(frozen=True)
class Item:
    """One line of the estimate: ``units`` (hours of instances, or DPU hours) at a price each."""

    what: str
    units: float
    price: float

    @property
    def total(self) -> float:
        return self.units * self.price


ITEMS = (
    Item("two training jobs on ml.m5.xlarge, 5 minutes each (instance hours)", 2 * 5 / 60, 0.23),
    Item("the endpoint on ml.m5.large, an hour, and a second fleet for 10 minutes", 1 + 10 / 60, 0.115),
    Item("three Glue job runs of 2 minutes, one DPU (DPU hours)", 3 * 2 / 60, 0.44),
    Item("a Spark job run of 3 minutes, two DPU (DPU hours)", 2 * 3 / 60, 0.44),
)
# Requests of S3, Lambda, DynamoDB, Step Functions and CloudWatch Logs, some thousands at most.
REQUESTS = 0.05


def estimate() -> str:
    """Show the arithmetic, line by line."""
    lines = [f"  {item.what}: {item.units:.2f} x {item.price:.3f} = {item.total:.2f} USD" for item in ITEMS]
    total = sum(item.total for item in ITEMS) + REQUESTS
    lines.append(f"  requests and storage: {REQUESTS:.2f} USD")
    lines.append(f"  together about {total:.2f} USD (list prices of {PRICES_OF}; look yours up)")
    return "\n".join(lines)
