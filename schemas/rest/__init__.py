"""The REST surface as data: what each route is, what each request holds, and how a request is read."""
