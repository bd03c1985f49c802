"""Connecting accounts: their tokens are checked and renewed, their webhooks registered, and what is missing is told.

These calls are made by people's commands and now and then by the delivery worker, one after the other; what agents
and customers write travels through channels.
"""
