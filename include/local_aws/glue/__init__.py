"""Glue: jobs that run in Python or Spark, and crawlers."""
