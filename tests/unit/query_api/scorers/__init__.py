"""What is answered of scorers."""
