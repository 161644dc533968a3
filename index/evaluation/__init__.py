"""How good the ranking is: a judged collection (BEIR folder) and an engine come in, measures come out.

It asks through the same code as the product. The CLI and the benchmarks import it; nothing that serves does.
"""
