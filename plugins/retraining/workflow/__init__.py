"""Compiling a model's state machine."""
