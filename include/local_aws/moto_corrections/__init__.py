"""The States Language, where moto evaluates it otherwise than AWS."""
