"""Questions to the projections: plain functions from a psycopg connection to data classes. SQL in named files."""
