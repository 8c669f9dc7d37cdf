"""One retrain: its name, window, input and run config; its outcome, report, history and causes."""
