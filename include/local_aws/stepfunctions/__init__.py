"""Step Functions: definitions, executions, redrives and the services that they call."""
