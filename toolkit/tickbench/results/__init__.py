"""The run file: what one run measured, and where, as one JSON document with a schema version."""
