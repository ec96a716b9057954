// Loaded into every process that a runner starts (`node --import`): none outlives the runner, however that one ends.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
