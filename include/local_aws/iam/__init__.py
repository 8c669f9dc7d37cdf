"""IAM: what a request needs, and what policies and trusts allow."""
