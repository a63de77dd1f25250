"""Build and deploy the function. The modules that build it use only the standard library."""


class DeployError(Exception):
    """Why the function cannot be built or deployed, written for the person who runs the command."""
