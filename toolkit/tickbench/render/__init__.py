"""What was measured, in a form for people."""
