"""How large a GraphQL query may be."""

from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

MAX_ROOT_FIELDS: Final = 10
MAX_DEPTH: Final = 10
MAX_SELECTIONS: Final = 1000
"""MLflow's limits, fragments counted where they are used."""


def limits_exceeded(document: DocumentNode) -> list[GraphQLError]:
    """The limit that a document exceeds, if any, found in time bounded by the limits themselves."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if any(len(operation.selection_set.selections) > MAX_ROOT_FIELDS for operation in operations):
        return [GraphQLError(f"A query may have {MAX_ROOT_FIELDS} root fields at most.")]
    selections = 0
    waiting: list[tuple[SelectionSetNode, int]] = [(operation.selection_set, 1) for operation in operations]
    while waiting:
        selection_set, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return [GraphQLError(f"A query may be {MAX_DEPTH} fields deep at most.")]
        selections += len(selection_set.selections)
        if selections > MAX_SELECTIONS:
            return [GraphQLError(f"A query may have {MAX_SELECTIONS} selections at most.")]
        for node in selection_set.selections:
            if isinstance(node, FragmentSpreadNode):
                fragment = fragments.get(node.name.value)
                if fragment is not None:
                    waiting.append((fragment.selection_set, depth))
            elif isinstance(node, FieldNode):
                if node.selection_set is not None:
                    waiting.append((node.selection_set, depth + 1))
            elif isinstance(node, InlineFragmentNode):
                waiting.append((node.selection_set, depth))
    return []
