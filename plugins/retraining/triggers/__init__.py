"""Airflow triggers of the retraining library."""
