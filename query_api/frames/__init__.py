"""Data frames: what was tracked as columns, in the formats of Arrow and Parquet."""
