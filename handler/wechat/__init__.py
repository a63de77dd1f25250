"""WeChat's API, and what it answers."""
