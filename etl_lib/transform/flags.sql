-- Flags of readings: which are impossible, and which are suspicious.
--
-- In:  limits: what the catalogue says of each signal of each turbine, numbered by `id`; `turbine`,
--          `signal`, and the thresholds below, NULL where a test is not made.
--      single: `id`, `timestamp`, `value`: the readings that may be flagged by themselves.
--      steps: `id`, `place`, `start`, `stop`, `old`, `new`, `reach`: two readings, one after the
--          other, that are alike or far from each other. `place` counts the steps of an `id`, so
--          two steps that follow one another have a reading in common. Readings that are missing or
--          impossible are left out: they are nobody's neighbours.
-- Out: one row per flagged reading: `turbine`, `timestamp`, `signal`, `value`, and `flags`, the sum
--      of
--       1  impossible     outside `possible`
--       2  implausible    outside `plausible`, and possible
--       4  flat           in a whole run of at least three equal readings that lasts `flat_seconds`
--       8  spike          further than `spike` from the middle of its neighbours, both of which it
--                         leaves to the same side by more than half of that
--      16  contradiction  wind below `calm`, and at the same time power above `producing`
--      32  step back      a counter below the reading before, and no rollover
--      Neighbours are at most `reach` seconds apart.
WITH outside AS (
    SELECT
        id,
        timestamp,
        value,
        CASE WHEN value BETWEEN possible_low AND possible_high THEN 2 ELSE 1 END AS flag
    FROM single
    JOIN limits USING (id)
    WHERE NOT (
        value BETWEEN plausible_low AND plausible_high
        AND value BETWEEN possible_low AND possible_high
    )
),

possible AS (
    SELECT id, turbine, timestamp, value, calm, producing
    FROM single
    JOIN limits USING (id)
    WHERE value BETWEEN possible_low AND possible_high
),

contradictions AS (
    SELECT unnest([slow.id, fast.id]) AS id, timestamp, unnest([slow.value, fast.value]) AS value
    FROM possible AS slow
    JOIN possible AS fast USING (turbine, timestamp)
    WHERE slow.value < slow.calm AND fast.value > fast.producing
),

changes AS (
    SELECT
        *,
        -- Of two angles the smaller way round counts
        CASE WHEN is_angle THEN new - old - 360 * round((new - old) / 360) ELSE new - old END
            AS change,
        stop - start <= to_microseconds((1e6 * reach)::BIGINT) AS is_near
    FROM steps
    JOIN limits USING (id)
),

-- Gaps and islands: in a run of steps without change, place and row number grow alike
still AS (
    SELECT *, place - row_number() OVER (PARTITION BY id ORDER BY place) AS run
    FROM changes
    WHERE abs(change) <= flat_tolerance
        AND is_near
        -- The values of which a flat line is real
        AND NOT coalesce(least(old, new) >= except_low AND greatest(old, new) <= except_high, false)
        AND NOT coalesce(least(old, new) >= share_low AND greatest(old, new) <= share_high, false)
),

runs AS (
    SELECT id, run
    FROM still
    GROUP BY id, run
    HAVING count(*) >= 2
        AND epoch_us(max(stop)) - epoch_us(min(start)) >= 1e6 * any_value(flat_seconds)
),

flat AS (
    SELECT id, unnest([start, stop]) AS timestamp, unnest([old, new]) AS value
    FROM still
    SEMI JOIN runs USING (id, run)
),

turns AS (
    SELECT
        id,
        stop AS timestamp,
        new AS value,
        spike,
        change AS before,
        lead(change) OVER following AS after,
        is_near AND lead(is_near) OVER following AND lead(place) OVER following = place + 1
            AS has_neighbours
    FROM changes
    WINDOW following AS (PARTITION BY id ORDER BY place)
),

spikes AS (
    SELECT id, timestamp, value
    FROM turns
    WHERE has_neighbours
        AND abs(before - after) / 2 > spike
        AND before * after < 0
        AND least(abs(before), abs(after)) > spike / 2
),

steps_back AS (
    SELECT id, stop AS timestamp, new AS value
    FROM changes
    WHERE is_counter
        AND new < old
        AND NOT coalesce(old > 0.9 * register AND old <= register, false)
),

every AS (
    SELECT id, timestamp, value, flag FROM outside
    UNION ALL
    SELECT id, timestamp, value, 4 FROM flat
    UNION ALL
    SELECT id, timestamp, value, 8 FROM spikes
    UNION ALL
    SELECT id, timestamp, value, 16 FROM contradictions
    UNION ALL
    SELECT id, timestamp, value, 32 FROM steps_back
)

SELECT turbine, timestamp, signal, any_value(value) AS value, bit_or(flag) AS flags
FROM every
JOIN limits USING (id)
GROUP BY turbine, timestamp, signal
ORDER BY turbine, timestamp, signal
