"""The HTTP API: a bearer token and a question come in, an Answer inside the caller's Scope goes out, journalled first.

Endpoints are plain `def` on a bounded thread pool. Imports every package below it; imported by cli (`serve`) only.
"""
