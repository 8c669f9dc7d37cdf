"""What every request passes before its service: names, quotas, errors, and the control of faults."""
