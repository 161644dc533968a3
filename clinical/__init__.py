"""What a text means for care: read pages come in, statements with their quoted words go out. Pure functions.

Imported by index, ingest, search_api and cli; imports records (for the shapes) and access.
"""
