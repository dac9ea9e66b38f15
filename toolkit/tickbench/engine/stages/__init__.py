"""What makes variants of the registry stages of an engine."""
