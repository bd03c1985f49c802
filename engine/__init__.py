"""What happens in customer care, and why: pure functions, no I/O, no clock, no randomness."""
