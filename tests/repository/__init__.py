"""What is written beside the rules: docs, decision records, names, what packages export, workflows."""
