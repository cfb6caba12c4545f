"""Users whom a provider of OpenID Connect knows: whom its tokens name, and which account is theirs."""
