"""The stock MLflow page in a real browser, on a server that a stock client has filled."""
