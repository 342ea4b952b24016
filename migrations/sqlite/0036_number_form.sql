-- In which form the numbers of contacts and of the do-not-call list are kept: how many times that form has changed, and
-- the country of those that named none. One row, or none where they are as they were written.
CREATE TABLE number_form (
    form INTEGER NOT NULL,
    country TEXT NOT NULL
);
