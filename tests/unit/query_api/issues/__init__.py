"""What is answered of issues."""
