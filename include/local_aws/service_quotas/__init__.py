"""Service Quotas, read only."""
