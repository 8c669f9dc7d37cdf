"""SNS: messages to queues and functions."""
