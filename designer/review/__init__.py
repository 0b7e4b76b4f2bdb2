"""What a person reads of a run: the verdict in sentences, and the report in one file."""
