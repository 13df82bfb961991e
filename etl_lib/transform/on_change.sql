-- Ten-minute statistics of a quantity that is sampled on change: a value holds until the next one.
--
-- In:  readings: of one signal `turbine`, `timestamp` (UTC, none twice), `value` and `hold`, the
--      seconds that a value holds at most. It begins before the first bucket that is wanted, since
--      an older value still holds there.
-- Out: one row per turbine and bucket in which a value held; `timestamp` is the bucket's start.
--      With each value x that held for t seconds of the bucket:
--      mean      sum(t x) / sum(t)
--      min, max  of the values that held
--      std       sqrt(sum(t (x - mean)^2) / sum(t)): of the population, by time
--      count     the number of finite readings in the bucket; none without one
--      coverage  sum(t) / 600, the share of the bucket in which a value held
--
-- After `hold` seconds without another reading it is not known what held.
WITH pairs AS (
    SELECT
        turbine,
        timestamp AS start,
        value,
        least(
            timestamp + to_microseconds((1e6 * hold)::BIGINT),
            lead(timestamp) OVER (PARTITION BY turbine ORDER BY timestamp)
        ) AS stop
    FROM readings
    WHERE isfinite(value)
),

stretches AS (
    -- What each reading holds, and each bucket that this touches
    SELECT
        turbine,
        start,
        stop,
        value,
        unnest(range(
            time_bucket(INTERVAL '10 minutes', start), stop, INTERVAL '10 minutes'
        )) AS bucket
    FROM pairs
),

pieces AS (
    SELECT
        turbine,
        bucket,
        value,
        start >= bucket AS is_reading,
        (
            epoch_us(least(stop, bucket + INTERVAL '10 minutes'))
            - epoch_us(greatest(start, bucket))
        ) / 1e6 AS seconds
    FROM stretches
),

lows AS (
    SELECT *, min(value) OVER (PARTITION BY turbine, bucket) AS low
    FROM pieces
),

means AS (
    SELECT
        *,
        -- From the lowest value on: values that are equal have that mean to the last bit
        low + sum((value - low) * seconds) OVER (PARTITION BY turbine, bucket)
            / sum(seconds) OVER (PARTITION BY turbine, bucket) AS mean
    FROM lows
)

SELECT
    turbine,
    bucket AS timestamp,
    -- Rounding can put the mean outside min and max
    least(any_value(mean), max(value)) AS mean,
    any_value(low) AS min,
    max(value) AS max,
    -- Squares of values beyond 1e150 overflow a DOUBLE
    sqrt(CASE
        WHEN isfinite(sum(seconds * (value - mean) ** 2))
            THEN sum(seconds * (value - mean) ** 2) / sum(seconds)
    END) AS std,
    nullif(count(*) FILTER (is_reading), 0)::DOUBLE AS count,
    sum(seconds) / 600 AS coverage
FROM means
GROUP BY turbine, bucket
ORDER BY turbine, bucket
