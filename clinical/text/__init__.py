"""Facts out of running text, a page at a time: units of text, sections, terms, and one reader for each kind of fact.

Pure. In: a page and the section it continues. Out: `records.fact.Fact`s. `clinical/told_by_text.py` is the way in.
Every regular expression here runs on one unit (a sentence or a table row) of bounded length, so reading is linear.
"""
