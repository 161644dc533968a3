"""Who may see what: a caller, a patient and what is recorded about them come in; a `Scope` or a `Refusal` goes out.

Pure: no I/O, no clock, nothing of ours below it. Every other package may import it; it imports none of them.
"""
