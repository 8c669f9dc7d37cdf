"""Proves on an AWS account what the project rests on, with a stack that is thrown away."""
