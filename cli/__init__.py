"""The command line: a composition root that builds settings and ports and calls the same functions as the API."""
