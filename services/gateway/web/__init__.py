"""The application around the subjects: routes, server, security, errors and live events."""
