"""Worlds that train many policies at once, and the typed view of their state that a reward may read."""
