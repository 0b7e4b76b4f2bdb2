"""The review desk: a local web page on which a person looks at runs, compares, ranks, says, edits and approves."""
