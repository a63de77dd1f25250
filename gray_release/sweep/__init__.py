"""Show the releases of many mini programs in one table: checked now, or read from the results of an earlier sweep."""
