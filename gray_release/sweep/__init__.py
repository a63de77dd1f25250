"""The releases of many mini programs in one table: asked for here, or read from the results of a sweep on AWS."""
