import fc from "fast-check";

// A landing must not depend on luck: CI tries the same inputs every time, people's machines other ones at each run.
if (process.env.CI) fc.configureGlobal({ seed: 20_261_122 });
