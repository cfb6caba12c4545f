"""What is said of roles, grants and assignments in several services.

Source of the rules: MLflow's basic-auth application, as observed on a 3.17 server; docs/differences.md names those that
are stricter here.
"""

from schemas.errors import ResourceAlreadyExists, ResourceDoesNotExist


def role_not_found(role: int | str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"Role with id={role} not found")


def role_taken(name: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(f"Role (name={name}) already exists.")


def grant_taken(resource_type: str, resource_pattern: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(
        f"Permission on resource_type={resource_type}, resource_id={resource_pattern} already exists."
    )


def grant_not_found(resource_type: str, resource_pattern: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(
        f"Permission on resource_type={resource_type}, resource_id={resource_pattern} not found."
    )


def assignment_taken(username: str) -> ResourceAlreadyExists:
    return ResourceAlreadyExists(f"User (username={username}) is assigned to the role already.")


def assignment_not_found(username: str) -> ResourceDoesNotExist:
    return ResourceDoesNotExist(f"User (username={username}) is not assigned to the role.")
