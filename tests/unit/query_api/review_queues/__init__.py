"""What is answered of review queues."""
