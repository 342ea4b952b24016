-- Versions of flows. What a version says lies in files named by its digest; nothing here ever changes but
-- where labels point, and every such move is kept.
CREATE TABLE flow_versions (
    seq INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    digest TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (flow, digest)
);

CREATE TABLE flow_labels (
    flow TEXT NOT NULL,
    label TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (flow, label),
    FOREIGN KEY (flow, digest) REFERENCES flow_versions (flow, digest)
);

-- `digest` is null when the label was taken away; `back` marks a roll-back; `ran_before` is what a plain name ran until then.
CREATE TABLE flow_label_moves (
    seq INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    label TEXT NOT NULL,
    digest TEXT,
    ran_before TEXT NOT NULL,
    back BOOLEAN NOT NULL,
    author TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX flow_label_moves_by_flow ON flow_label_moves (flow, seq);
