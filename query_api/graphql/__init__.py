"""The part of GraphQL that MLflow's page asks for: request -> worker thread -> checked query -> fields -> JSON."""
