-- What is searched for, as PostgreSQL reads it: a word that ended with * stands for all that begin so.
SELECT asked.query, querytree(asked.query::tsquery) AS indexed, numnode(asked.query::tsquery) AS nodes
FROM (SELECT replace(websearch_to_tsquery('simple', %(text)s)::text, %(mark)s || '''', ''':*') AS query) asked
