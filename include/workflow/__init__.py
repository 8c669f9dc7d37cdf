"""The retraining state machine, written with the AWS Step Functions Data Science SDK."""
