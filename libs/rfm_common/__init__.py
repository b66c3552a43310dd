"""What every service shares: settings, tables, sessions, events and the bus."""

__version__ = "0.1.0"
