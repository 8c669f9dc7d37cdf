"""Airflow operators of the retraining library."""
