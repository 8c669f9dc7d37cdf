"""
Which calls the optimised integrations make here, and which parameters these take.

They are fewer than those of the services' APIs: what Step Functions does not know it refuses. The lists are
those of the developer guide (https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html and
its neighbours connect-dynamodb, -eventbridge, -glue, -lambda, -sns, -sqs and -stepfunctions), with what AWS's
own makers of definitions write besides: the Data Science SDK (DataCaptureConfig, DebugHookConfig,
DebugRuleConfigurations, ExperimentConfig, and CheckpointConfig, DataProcessing and EnableManagedSpotTraining)
and the CDK (Environment and EnableNetworkIsolation of training jobs). LogType was seen by LocalStack.
The patterns: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

from typing import Final

# The patterns besides Request Response, by what begins a resource's name.
PATTERNS: Final[dict[str, set[str]]] = {
    "aws-sdk:": {"waitForTaskToken"},
    "dynamodb:": set(),
    "events:putEvents": {"waitForTaskToken"},
    "glue:startJobRun": {"sync"},
    "lambda:invoke": {"waitForTaskToken"},
    "sagemaker:createEndpoint": set(),
    "sagemaker:createModel": set(),
    "sagemaker:create": {"sync"},
    "sagemaker:updateEndpoint": set(),
    "sns:publish": {"waitForTaskToken"},
    "sqs:sendMessage": {"waitForTaskToken"},
    "states:startExecution": {"sync", "sync:2", "waitForTaskToken"},
}
_WRITE: Final = {
    *("TableName", "ConditionalOperator", "ConditionExpression", "Expected", "ExpressionAttributeNames"),
    *("ExpressionAttributeValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ReturnValues"),
}
OPTIMISED: Final[dict[str, dict[str, set[str]]]] = {
    "dynamodb": {
        "getItem": {
            *("Key", "TableName", "AttributesToGet", "ConsistentRead", "ExpressionAttributeNames"),
            *("ProjectionExpression", "ReturnConsumedCapacity"),
        },
        "putItem": {*_WRITE, "Item"},
        "deleteItem": {*_WRITE, "Key"},
        "updateItem": {*_WRITE, "Key", "AttributeUpdates", "UpdateExpression"},
    },
    "events": {"putEvents": {"Entries"}},
    "glue": {
        "startJobRun": {
            *("JobName", "JobRunId", "Arguments", "AllocatedCapacity", "ExecutionClass", "MaxCapacity"),
            *("JobRunQueuingEnabled", "NotificationProperty", "NumberOfWorkers", "SecurityConfiguration"),
            *("Timeout", "WorkerType"),
        }
    },
    "lambda": {
        "invoke": {"ClientContext", "FunctionName", "InvocationType", "LogType", "Payload", "Qualifier"}
    },
    "sagemaker": {
        "createEndpoint": {"EndpointConfigName", "EndpointName", "Tags"},
        "createEndpointConfig": {
            *("DataCaptureConfig", "EndpointConfigName", "KmsKeyId", "ProductionVariants", "Tags"),
        },
        "createModel": {
            *("Containers", "EnableNetworkIsolation", "ExecutionRoleArn", "ModelName", "PrimaryContainer"),
            *("Tags", "VpcConfig"),
        },
        "createProcessingJob": {
            *("AppSpecification", "Environment", "ExperimentConfig", "NetworkConfig", "ProcessingInputs"),
            *("ProcessingJobName", "ProcessingOutputConfig", "ProcessingResources", "RoleArn"),
            *("StoppingCondition", "Tags"),
        },
        "createTrainingJob": {
            *("AlgorithmSpecification", "CheckpointConfig", "DebugHookConfig", "DebugRuleConfigurations"),
            *("EnableManagedSpotTraining", "EnableNetworkIsolation", "Environment", "ExperimentConfig"),
            *("HyperParameters", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "RoleArn"),
            *("StoppingCondition", "Tags", "TrainingJobName", "VpcConfig"),
        },
        "createTransformJob": {
            *(
                "BatchStrategy",
                "DataProcessing",
                "Environment",
                "ExperimentConfig",
                "MaxConcurrentTransforms",
            ),
            *("MaxPayloadInMB", "ModelName", "Tags", "TransformInput", "TransformJobName"),
            *("TransformOutput", "TransformResources"),
        },
        "updateEndpoint": {"EndpointConfigName", "EndpointName"},
    },
    "sns": {
        "publish": {
            *("Message", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageStructure"),
            *("PhoneNumber", "Subject", "TargetArn", "TopicArn"),
        }
    },
    "sqs": {
        "sendMessage": {
            *("DelaySeconds", "MessageAttributes", "MessageBody", "MessageDeduplicationId"),
            *("MessageGroupId", "QueueUrl"),
        }
    },
    "states": {"startExecution": {"Input", "Name", "StateMachineArn"}},
}
