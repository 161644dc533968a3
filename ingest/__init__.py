"""From uploaded bytes to a searchable document: receive, parse, read, understand, split, embed, store.

`recipe.py` is the whole way in one place; the CLI, the in-process worker and the Celery task call it. Imported by
search_api and cli; imports ocr, clinical, index, records and access.
"""
