"""The OpenSearch index template and its history, as data. Read by index/opensearch.py and by nothing else."""
