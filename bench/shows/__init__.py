"""What a large log shows of projections, of `verify` and of the audit. Each claim is checked; see bench/README.md."""
