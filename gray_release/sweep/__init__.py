"""The releases of many mini programs at a glance: asked here, or read from a results file of the cloud."""
