"""Where the token of a plan request comes from."""
