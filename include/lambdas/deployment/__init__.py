"""Lambda ``deployment``: what a deployment does next."""
