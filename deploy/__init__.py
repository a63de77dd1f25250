"""Building and deploying the function. What builds it needs the standard library alone."""


class DeployError(Exception):
    """Why the function cannot be built or deployed, in words for the one who does it."""
