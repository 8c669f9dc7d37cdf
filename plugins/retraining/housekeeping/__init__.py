"""What old runs left, and which of it goes."""
