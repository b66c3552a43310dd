"""The `rfm` command: private servers, the three services, and calls to the API."""
