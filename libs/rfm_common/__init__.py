"""What every service shares: settings, tables, sessions, events and the bus."""
