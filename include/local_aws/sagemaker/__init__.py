"""SageMaker: jobs, models, endpoints and the model registry."""
