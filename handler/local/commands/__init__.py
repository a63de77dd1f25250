"""Each command of `python -m handler.local` in a module of its own, and what their options take."""
