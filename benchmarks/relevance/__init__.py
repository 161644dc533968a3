"""What the ranking must show, on lists written by the project before tuning; each file here measures one thing."""
