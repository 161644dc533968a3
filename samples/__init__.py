"""Invented patients: our own stories come in, a folder of documents, its manifest and their judgements go out.

`stories/*.txt` hold the documents as text with clinical marks, `series/` adds the recurring ones, `generate.py` draws
them all, and `judge.py` turns the marks into graded relevance. Nothing here describes a real person. Only the command
line and the tests may import it; it imports nothing of ours but `access.identifiers`.
"""
