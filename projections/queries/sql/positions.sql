SELECT o.projection, o.version, o.topic, o.partition, o.next_offset
FROM projector.offsets o
JOIN projector.builds b USING (projection, version)
WHERE b.views IS NOT NULL
ORDER BY o.projection, o.topic, o.partition
