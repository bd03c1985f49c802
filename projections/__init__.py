"""Read models in PostgreSQL, folded from the log: contact history, reporting, audit."""
