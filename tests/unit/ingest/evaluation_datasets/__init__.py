"""Commands about evaluation datasets."""
