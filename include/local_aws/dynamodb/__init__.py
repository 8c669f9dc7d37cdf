"""DynamoDB: writes under conditions."""
