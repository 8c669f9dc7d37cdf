"""Requests that AWS refuses for their parameters alone."""
