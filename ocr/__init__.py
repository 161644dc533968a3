"""A picture comes in, words with boxes and confidence go out. The only package that imports pytesseract.

Imported by ingest and cli; imports records (for the shapes) and access.
"""
