"""CloudWatch Logs: groups and streams, read as AWS reads them."""
