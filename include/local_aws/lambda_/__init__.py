"""Lambda: functions in sandboxes, invocations, event queues."""
