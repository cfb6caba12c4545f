"""What an operator sets: options, and the URIs of stores."""
