"""The commands: one module each, and the values that their options accept."""
