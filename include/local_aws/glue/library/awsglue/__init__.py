"""A thin layer over Spark's DataFrames: AWS's own ``awsglue`` needs jars that it does not publish."""
