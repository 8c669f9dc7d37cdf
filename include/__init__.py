"""What AWS runs, and what the project is tested against."""
