"""What is answered of label schemas."""
