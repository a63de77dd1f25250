"""Build and deploy the function. The modules that build it use only the standard library."""


class DeployError(Exception):
    """The reason why a build or a deployment fails, written for the person who runs the command."""
