"""Airflow sensors of the retraining library."""
