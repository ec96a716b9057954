import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "./run.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-run-"));
  writeFileSync(join(folder, "c.yaml"), "source: /cli\nbroker: memory\noutbox: { store: sqlite, path: ./s.db }");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sink(fails?: string): { stream: Writable; text: () => string } {
  let text = "";
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done(fails === undefined ? null : Object.assign(new Error(fails), { code: fails }));
    },
  });
  return { stream, text: () => text };
}

async function waybill(args: readonly string[], stdout = sink()) {
  const stderr = sink();
  const exit = () => expect.unreachable("no second signal came");
  const config = args.includes("--config") ? [] : ["--config", join(folder, "c.yaml")];
  const code = await run([...config, ...args], { stdout: stdout.stream, stderr: stderr.stream, exit });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

describe("run", () => {
  it.each([
    [["--help"], "Exit codes:"],
    [["relay", "--help"], "Examples:"],
    [["publish", "--help"], "Examples:"],
    [["tail", "--help"], "Examples:"],
    [["config", "--help"], "Examples:"],
    [["dev", "--help"], "Examples:"],
    [["dead", "--help"], "Examples:"],
    [["dead", "list", "--help"], "Examples:"],
    [["dead", "show", "--help"], "Examples:"],
    [["dead", "redrive", "--help"], "Examples:"],
    [["dead", "purge", "--help"], "Examples:"],
  ])("%j prints help with examples", async (args, expected) => {
    const { code, stdout, stderr } = await waybill(args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(expected);
    expect(stdout).toContain("--config");
    expect(stdout).not.toContain("undefined");
  });

  it.each([[[]], [["dead"]]])("%j lacks a command: help for a person, an error for a script", async (args) => {
    expect(await waybill(args)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("Usage: waybill"),
    });
    const { code, stdout, stderr } = await waybill([...args, "--json"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "WB_CLI_USAGE", sentence: "A command is missing." } });
  });

  it.each([
    [["bogus"], "WB_CLI_USAGE: Unknown command"],
    [["dead", "list", "orders"], "waybill dead list --help"],
    [["publish", "orders"], "An event needs --type"],
    [["publish", "orders", "--type", "t", "--data", "{"], "--data is no JSON"],
    [["publish", "orders", "--file", "-", "--id", "x"], "give one or the other"],
    [["tail", "orders", "--max", "0"], "whole number"],
    [["tail", "orders", "--for", "5"], "a duration such as 30s"],
    [["--set", "relay.batsch=1", "config"], "did you mean batch?"],
    [["--config", "none.yaml", "config"], "WB_CONFIG_NOT_FOUND"],
    [["dead", "purge", "orders", "billing"], "WB_PURGE_UNCONFIRMED"],
    [["relay"], "WB_RELAY_OVER_MEMORY"],
  ])("%j is refused with 2, a sentence and a hint", async (args, expected) => {
    const { code, stdout, stderr } = await waybill(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(expected);
    expect(stderr).toMatch(/^WB_\w+: .+\n {2}\S.+\n$/s);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it("says an error as one JSON object with --json, and its stack with --verbose only", async () => {
    const { stderr } = await waybill(["bogus", "--json"]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "WB_CLI_USAGE", exitCode: 2 } });
    expect((await waybill(["bogus", "--verbose"])).stderr).toMatch(/^ +at /m);
  });

  it("ends quietly when the reader of its output has gone", async () => {
    expect(await waybill(["config", "--quiet"], sink("EPIPE"))).toMatchObject({ code: 0, stderr: "" });
  });

  it("leaves no signal listener behind", async () => {
    const before = process.listenerCount("SIGTERM");
    await waybill(["config"]);
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });
});
