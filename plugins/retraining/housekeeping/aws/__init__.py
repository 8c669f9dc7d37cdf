"""Finds in AWS what old runs left, and removes it."""
