-- Ten-minute statistics of a counter, a register that counts up: energy, revolutions, starts.
--
-- In:  readings: of one counter `turbine`, `timestamp` (UTC, none twice), `value` and `register`,
--      the size of its register or NULL. It begins before the first bucket that is wanted, since a
--      bucket's first increment needs the reading before it.
-- Out: one row per turbine and bucket that has finite readings; `timestamp` is the bucket's start:
--      delta  the sum of the increments of the bucket's readings; none if no reading has one
--      last   the bucket's last value
--      count  the number of finite readings
--
-- One counter at a time, unlike quantities: COLUMNS(…) cannot pair a signal with its register.
WITH pairs AS (
    SELECT
        turbine,
        timestamp,
        value,
        register,
        lag(value) OVER (PARTITION BY turbine ORDER BY timestamp) AS before
    FROM readings
    WHERE isfinite(value)
),

increments AS (
    SELECT
        turbine,
        timestamp,
        value,
        CASE
            WHEN value >= before THEN value - before
            -- Close to the end of its register it rolled over
            WHEN value < before AND before > 0.9 * register AND before <= register
                THEN register - before + value
            -- Else it was reset, and began again at zero
            WHEN value < before THEN value
        END AS increment
    FROM pairs
)

SELECT
    turbine,
    time_bucket(INTERVAL '10 minutes', timestamp) AS timestamp,
    sum(increment) AS delta,
    arg_max(value, timestamp) AS last,
    count(*)::DOUBLE AS count
FROM increments
GROUP BY 1, 2
ORDER BY 1, 2
