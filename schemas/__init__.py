"""Avro: the .avsc files, the codec and the compatibility rules. Imports nothing of the project."""
