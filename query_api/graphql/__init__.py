"""The part of GraphQL that MLflow's page asks for."""
