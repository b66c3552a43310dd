"""How far to trust what customers are expected to buy: judged on the shop's own past."""
