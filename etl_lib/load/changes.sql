-- The changes that a load makes to a day, signal by signal.
--
-- In:  before, after: `signal_id`, `timestamp`, `value`; signals: `id`, `turbine`, `name`,
--      `unit`, `kind`.
-- Out: one row per changed signal: its `turbine`, `name`, `unit` and `kind`, how many statistics
--      were `added`, `changed` and `removed`, the `largest` change of a value in the signal's unit,
--      and its `share` of the larger of both values, which compares signals of any unit. Codes of
--      a state have no distance: their share is 0.
WITH pairs AS (
    SELECT
        coalesce(before.signal_id, after.signal_id) AS id,
        before.value AS old,
        after.value AS new,
        after.value - before.value AS change
    FROM before
    FULL JOIN after ON before.signal_id = after.signal_id AND before.timestamp = after.timestamp
    WHERE before.value IS DISTINCT FROM after.value
),

differences AS (
    SELECT
        *,
        -- Of two angles the smaller way round counts, and half a turn is the whole
        CASE kind WHEN 'angle' THEN abs(change - 360 * round(change / 360)) ELSE abs(change) END
            AS difference,
        CASE kind
            WHEN 'angle' THEN 180
            WHEN 'state' THEN NULL
            ELSE greatest(abs(old), abs(new))
        END AS whole
    FROM pairs
    JOIN signals USING (id)
)

SELECT
    turbine,
    name,
    unit,
    kind,
    count(*) FILTER (old IS NULL) AS added,
    count(difference) AS changed,
    count(*) FILTER (new IS NULL) AS removed,
    coalesce(max(difference), 0) AS largest,
    coalesce(max(difference / whole), 0) AS share
FROM differences
GROUP BY turbine, name, unit, kind
ORDER BY share DESC, name, turbine
