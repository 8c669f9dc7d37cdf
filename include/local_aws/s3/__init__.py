"""S3: whose a bucket is, and how URIs name objects."""
