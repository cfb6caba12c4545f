"""Who asks, as a provider of OpenID Connect says it."""
