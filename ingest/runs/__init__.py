"""What a client may do with runs as such: create, rename, end, delete, restore."""
