"""How other programs send orders and fetch segments."""
