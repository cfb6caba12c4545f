"""What who asks may do: the rules of the routes, judged by what was granted."""
