"""Building and deploying the function."""
