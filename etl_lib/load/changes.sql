-- The changes that a load makes to a day, signal by signal.
--
-- In:  before, after: `signal_id`, `timestamp`, `value`; signals: `id`, `name`, `unit`.
-- Out: one row per changed signal: its `name` and `unit`, how many statistics were
--      `added`, `changed` and `removed`, the `largest` change of a value in the signal's unit,
--      and its `share` of the larger of both values, which compares signals of any unit.
WITH pairs AS (
    SELECT
        coalesce(before.signal_id, after.signal_id) AS id,
        before.value AS old,
        after.value AS new,
        abs(after.value - before.value) AS difference
    FROM before
    FULL JOIN after ON before.signal_id = after.signal_id AND before.timestamp = after.timestamp
    WHERE before.value IS DISTINCT FROM after.value
)

SELECT
    name,
    unit,
    count(*) FILTER (old IS NULL) AS added,
    count(difference) AS changed,
    count(*) FILTER (new IS NULL) AS removed,
    coalesce(max(difference), 0) AS largest,
    coalesce(max(difference / greatest(abs(old), abs(new))), 0) AS share
FROM pairs
JOIN signals USING (id)
GROUP BY name, unit
ORDER BY share DESC, name
