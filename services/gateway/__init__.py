"""Serves the REST API, the event stream and the dashboard."""
