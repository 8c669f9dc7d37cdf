"""Errors of the domain: each says which field is wrong, what it holds and what is allowed."""

from __future__ import annotations


class RetrainingError(ValueError):
    """Base of every error that this library raises on purpose."""


class ModelSpecError(RetrainingError):
    """A model folder does not describe a model."""


class RunConfigError(RetrainingError):
    """A run's configuration (conf) asks for something that is not allowed."""


class StackError(RetrainingError):
    """The CloudFormation stack does not offer what a retrain needs."""


class CompileError(RetrainingError):
    """The SDK interpreter could not turn the model's spec into a state machine definition."""
