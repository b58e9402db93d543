"""What requests and answers look like: strict pydantic models, built from the flows' values in one place each."""
