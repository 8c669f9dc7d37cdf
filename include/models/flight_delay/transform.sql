-- Training rows of the model flight_delay: will a flight that has just departed arrive over 15 minutes late?
--
-- One SELECT over the table `flights`, run for one window by DuckDB or by Spark (include/glue/transform.py);
-- both have to give the same rows in the same order. The runner replaces the words that begin with a colon by
-- TIMESTAMP literals in UTC. The column `split` decides which file a row goes to and is then dropped; `label`
-- comes next, then the features, all of them integers.
SELECT
    -- Split by time, as in service: the model is judged on flights that landed after those it learned from.
    CASE WHEN arrived_at < :validation_start THEN 'train' ELSE 'validation' END AS split,

    -- minutes; close to the US Department of Transportation's "late", which is 15 minutes or more
    CASE WHEN arr_delay > 15 THEN 1 ELSE 0 END AS label,

    -- Only what is known when the aircraft leaves the gate.
    CAST(dep_delay AS INT) AS dep_delay,                -- minutes, negative when early
    CAST(hour AS INT) AS sched_dep_hour,                -- by the clock in New York
    CAST(minute AS INT) AS sched_dep_minute,
    CAST(sched_arr_time AS INT) AS sched_arr_time,      -- HHMM by the clock at the destination
    CAST(distance AS INT) AS distance,                  -- miles

    -- Codes become numbers by a fixed rule, two digits a character ('JFK' is 747075): there is no vocabulary
    -- to keep beside the model, and a code never seen before still has a number.
    ascii(substr(carrier, 1, 1)) * 100
        + ascii(substr(carrier, 2, 1)) AS carrier_code,
    ascii(substr(origin, 1, 1)) * 10000
        + ascii(substr(origin, 2, 1)) * 100
        + ascii(substr(origin, 3, 1)) AS origin_code,
    ascii(substr(dest, 1, 1)) * 10000
        + ascii(substr(dest, 2, 1)) * 100
        + ascii(substr(dest, 3, 1)) AS dest_code
FROM flights
WHERE
    -- Half-open, by the time of landing: until then nobody knows the label, so a window by departure would
    -- leak the future.
    arrived_at >= :start
    AND arrived_at < :end
    -- A window has the same rows whenever it is run: what came in after :as_of is left to later windows.
    AND received_at < :as_of
    -- A diverted flight lands, but has no arrival delay and so no label.
    AND arr_delay IS NOT NULL
-- No two flights share all five, so the order is total.
ORDER BY arrived_at, carrier, flight, origin, dest
