"""Looks at the account."""
