"""A small model of SageMaker, DynamoDB and Step Functions, and an explorer of all that can happen in it."""
