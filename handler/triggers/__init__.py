"""Where an event comes from."""
