"""The engine driven by Python: for the JSON wire, and wherever a stage is a variant in Python."""
