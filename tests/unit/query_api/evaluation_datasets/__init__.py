"""What is answered of evaluation datasets."""
