"""For developers' machines, not shipped: `python -m handler.local` and the WeChat sandbox."""
