-- Parameters of the verdict that people promoted, and when they took them back (no params): the last row holds.
CREATE TABLE amd_params (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  params TEXT,
  -- What it was decided on: labelled calls, figures.
  basis TEXT NOT NULL,
  author TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
