"""Wires the parts: command line, settings, the embedded services."""
