"""The wallboard: what happens now, folded from the log; disposable, and nothing is decided by it."""
