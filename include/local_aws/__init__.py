"""An AWS on this machine that really executes: moto, plus what moto only pretends to do."""
