"""The article's state machine, in steps of the Data Science SDK: ETL, training, model, gate, endpoint."""

from __future__ import annotations

from sagemaker.estimator import Estimator
from sagemaker.image_uris import retrieve
from sagemaker.inputs import TrainingInput
from sagemaker.session import Session
from stepfunctions import steps
from stepfunctions.inputs import ExecutionInput
from stepfunctions.workflow import Workflow

from docs.examples.article.resources import Resources

# Every name is input: each run trains, and deploys, under names of its own.
SCHEMA = {
    "TrainingJobName": str,
    "GlueJobName": str,
    "ModelName": str,
    "EndpointName": str,
    "LambdaFunctionName": str,
    "WindowEnd": str,
}
HYPERPARAMETERS = {
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.8,
    "objective": "binary:logistic",
    "eval_metric": "error",
    "num_round": 100,
}
WINDOW_DAYS = 28
MAX_ERROR = 0.10


def workflow(resources: Resources, session: Session, *, update: bool) -> Workflow:
    """
    Put the steps together.

    :param resources: what :func:`resources.create` has made.
    :param update: whether the endpoint exists, and gets a new model; the first run creates it.
    """
    given = ExecutionInput(schema=SCHEMA)
    data = f"s3://{resources.bucket}/article"

    etl = steps.GlueStartJobRunStep(
        "Extract, Transform, Load",
        parameters={
            "JobName": given["GlueJobName"],
            "Arguments": {
                "--S3_SOURCE": f"s3://{resources.bucket}/data/flights/",
                "--S3_DEST": f"{data}/",
                "--TRAIN_KEY": "train/",
                "--VAL_KEY": "validation/",
                "--WINDOW_END": given["WindowEnd"],
                "--WINDOW_DAYS": str(WINDOW_DAYS),
            },
        },
    )
    estimator = Estimator(
        retrieve("xgboost", resources.region, "3.0-5"),
        resources.training_role,
        instance_count=1,
        instance_type="ml.m5.xlarge",
        output_path=f"{data}/output",
        hyperparameters=HYPERPARAMETERS,
        sagemaker_session=session,
    )
    train = steps.TrainingStep(
        "Model Training",
        estimator=estimator,
        data={
            name: TrainingInput(f"{data}/{name}/", content_type="text/csv")
            for name in ("train", "validation")
        },
        job_name=given["TrainingJobName"],
    )
    save = steps.ModelStep(
        "Save Model",
        model=train.get_expected_model(),
        model_name=given["ModelName"],
        result_path="$.ModelStepResults",
    )
    query = steps.LambdaStep(
        "Query Training Results",
        parameters={
            "FunctionName": given["LambdaFunctionName"],
            "Payload": {"TrainingJobName.$": "$.TrainingJobName"},
        },
    )
    configure = steps.EndpointConfigStep(
        "Create Model Endpoint Config",
        endpoint_config_name=given["ModelName"],
        model_name=given["ModelName"],
        initial_instance_count=1,
        instance_type="ml.m5.large",
    )
    deploy = steps.EndpointStep(
        "Update Model Endpoint",
        endpoint_name=given["EndpointName"],
        endpoint_config_name=given["ModelName"],
        update=update,
    )
    gate = steps.Choice("Accuracy > 90%")
    gate.add_choice(
        steps.ChoiceRule.NumericLessThan(query.output()["Payload"]["trainingMetrics"][0]["Value"], MAX_ERROR),
        next_step=steps.Chain([configure, deploy]),
    )
    gate.default_choice(
        steps.Fail("Model Accuracy Too Low", error="ModelAccuracyTooLow", cause="90 % accuracy are asked for")
    )
    return Workflow(
        name=resources.name,
        definition=steps.Chain([etl, train, save, query, gate]),
        role=resources.workflow_role,
        execution_input=given,
        client=resources.session.client("stepfunctions"),
    )
