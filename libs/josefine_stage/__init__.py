"""The stage runtime: one loop that every service shares. A service is its handler, its settings and an entry."""
