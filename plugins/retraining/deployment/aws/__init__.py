"""What AWS knows of deployed and accepted models."""
