"""Airflow hooks of the retraining library."""
