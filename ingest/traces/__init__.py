"""What a client may do with traces, and say of them."""
