/** The database's clock in milliseconds since the epoch: no machine's own is trusted with leases and waits. For sessions in UTC. */
export const NOW_MS = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
