"""WeChat's API: bounded exchanges, and what its answers mean."""
