"""What a model folder says, and reading all of them."""
