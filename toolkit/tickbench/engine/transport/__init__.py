"""How frames come in and orders go out."""
