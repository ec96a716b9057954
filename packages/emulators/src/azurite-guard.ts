// Loaded into the Azurite process before Azurite itself: when the channel to the parent closes, because the parent said stop or died,
// Azurite shuts down as on SIGTERM, which flushes its folder; and if that hangs, the process ends all the same.
process.once("disconnect", () => {
  process.emit("SIGTERM");
  setTimeout(() => process.exit(0), 3_000).unref();
});
