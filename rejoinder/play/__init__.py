"""Plays traffic through a running instance: the customers write on the simulated platform, agents answer."""
