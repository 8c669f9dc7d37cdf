"""Looks before the first run whether everything is there that a retrain needs."""
