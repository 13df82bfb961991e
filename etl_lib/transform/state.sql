-- Ten-minute statistics of a state, a code that holds until another one comes.
--
-- In:  readings: of one state `turbine`, `timestamp` (UTC, none twice), `value`, the code, and
--      `hold`, the seconds that a reading holds at most. It begins before the first bucket that is
--      wanted, since a state that is older still holds there.
-- Out: one row per turbine and bucket in which a state held; `timestamp` is the bucket's start:
--      mode     the code that held longest; of equally long ones the one that held last
--      changes  the number of readings whose code differs from that of the reading before, unless
--               nothing held between them; none without a reading in the bucket
--      count    the number of finite readings; none without one
--
-- A reading holds until the next one, at most two intervals of its turbine, or the `hold` of a
-- state that is sampled on change: then it is not known what held.
WITH pairs AS (
    SELECT
        turbine,
        timestamp,
        value,
        to_microseconds((1e6 * hold)::BIGINT) AS longest,
        lead(timestamp) OVER in_order AS next,
        lag(value) OVER in_order AS before,
        lag(timestamp) OVER in_order AS before_start
    FROM readings
    WHERE isfinite(value)
    WINDOW in_order AS (PARTITION BY turbine ORDER BY timestamp)
),

stretches AS (
    -- What each reading holds, and each bucket that this touches
    SELECT
        turbine,
        value,
        timestamp AS start,
        least(timestamp + longest, next) AS stop,
        coalesce(value <> before AND timestamp <= before_start + longest, false) AS is_change,
        unnest(range(
            time_bucket(INTERVAL '10 minutes', start), stop, INTERVAL '10 minutes'
        )) AS bucket
    FROM pairs
),

codes AS (
    SELECT
        turbine,
        bucket,
        value,
        sum(
            epoch_us(least(stop, bucket + INTERVAL '10 minutes'))
            - epoch_us(greatest(start, bucket))
        ) AS duration,
        max(start) AS latest,
        count(*) FILTER (start >= bucket) AS readings,
        count(*) FILTER (start >= bucket AND is_change) AS changes
    FROM stretches
    GROUP BY 1, 2, 3
)

SELECT
    turbine,
    bucket AS timestamp,
    arg_max(value, (duration, latest)) AS mode,
    CASE WHEN sum(readings) > 0 THEN sum(changes)::DOUBLE END AS changes,
    nullif(sum(readings), 0)::DOUBLE AS count
FROM codes
GROUP BY 1, 2
ORDER BY 1, 2
