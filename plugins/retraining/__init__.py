"""Retrains SageMaker models from Airflow through Step Functions."""
