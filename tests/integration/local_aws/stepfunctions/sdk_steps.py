"""
Prints definitions of workflows of one step each, as the Data Science SDK writes them; run by its interpreter.

Called with a JSON object: the role, the bucket, an image, a model's data, a name that everything begins with.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.tuner import HyperparameterTuner, IntegerParameter
from stepfunctions.steps import (
    Chain,
    EndpointConfigStep,
    EndpointStep,
    ModelStep,
    ProcessingStep,
    TrainingStep,
    TransformStep,
    TuningStep,
)
from stepfunctions.workflow import Workflow


def steps(given: dict[str, str]) -> dict[str, Any]:
    """A step of each class that has to do with SageMaker."""
    role, bucket, name = given["role"], given["bucket"], given["name"]
    session = sagemaker.Session(boto3.Session(region_name="us-east-1"), default_bucket=bucket)
    common = {"role": role, "sagemaker_session": session}
    machine = {"instance_count": 1, "instance_type": "ml.m5.large"}
    hyperparameters = {"num_round": "5", "objective": "binary:logistic", "eval_metric": "error"}
    estimator = Estimator(
        given["image"],
        output_path=f"s3://{bucket}/runs/{name}",
        hyperparameters=hyperparameters,
        **machine,
        **common,
    )
    train = sagemaker.TrainingInput(f"{given['data']}/train", content_type="text/csv")
    model = Model(given["image"], model_data=given["artifact"], env={}, **common)
    transformer = Transformer(
        f"{name}-model", output_path=f"s3://{bucket}/runs/{name}/out", sagemaker_session=session, **machine
    )
    root = "/opt/ml/processing"
    processor = SKLearnProcessor("1.2-1", max_runtime_in_seconds=300, **machine, **common)
    tuner = HyperparameterTuner(
        estimator, "validation:error", {"max_depth": IntegerParameter(1, 3)}, objective_type="Minimize"
    )
    return {
        "training": TrainingStep("Train", estimator, f"{name}-train", data={"train": train}),
        "model": ModelStep("Model", model, model_name=f"{name}-model"),
        "config": EndpointConfigStep("Config", f"{name}-config", f"{name}-model", 1, "ml.m5.large"),
        "endpoint": EndpointStep("Endpoint", f"{name}-endpoint", f"{name}-config"),
        "transform": TransformStep(
            "Transform",
            transformer,
            f"{name}-transform",
            f"{name}-model",
            given["rows"],
            content_type="text/csv",
            split_type="Line",
        ),
        "processing": ProcessingStep(
            "Process",
            processor,
            f"{name}-process",
            inputs=[ProcessingInput(given["script"], f"{root}/code", input_name="code")],
            outputs=[ProcessingOutput(f"{root}/out", f"s3://{bucket}/runs/{name}/made", output_name="made")],
            container_entrypoint=["python3", f"{root}/code/make.py"],
        ),
        "tuning": TuningStep("Tune", tuner, f"{name}-tune", data={"train": train}),
    }


def main(given: dict[str, str]) -> None:
    definitions = {
        kind: Workflow(kind, Chain([step]), role=given["role"]).definition.to_json()
        for kind, step in steps(given).items()
    }
    print(json.dumps(definitions))  # noqa: T201 - what it is called for


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
