"""X (posts): the webhook in, the API client out."""
