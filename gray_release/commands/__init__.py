"""Each command of `python -m gray_release` in a module of its own, and what their options take."""
