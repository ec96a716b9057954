// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { describe, expect, it } from "vitest";
import { interpolate } from "./interpolate.ts";

const run = (text: unknown, env: NodeJS.ProcessEnv = {}) => interpolate({ text }, env, new Set());

describe("interpolate", () => {
  it.each([
    ["a ${X} b ${X}", { X: "1" }, "a 1 b 1"],
    ["${X:-none}", {}, "none"],
    ["${X:-none}", { X: "" }, "none"],
    ["${X:-}", {}, ""],
    ["${X}", { X: "" }, ""],
    ["$${X} $X {X}", { X: "1" }, "${X} $X {X}"],
    ["${X}", { X: "${Y}" }, "${Y}"],
    ["${X:-a\\}b}", {}, "a}b"],
  ])("%j with %j is %j", (text, env, expected) => {
    expect(run(text, env).document.text).toBe(expected);
  });

  it("walks lists and leaves other values alone", () => {
    const { document, interpolated, missing } = run(["${A}", 5, { deep: "${B}" }], { A: "1" });
    expect(document.text).toEqual(["1", 5, { deep: "" }]);
    expect([...interpolated.keys()]).toEqual(["text[0]", "text[2].deep"]);
    expect(missing).toEqual([{ name: "B", path: "text[2].deep" }]);
  });

  it("takes nothing that every object has for a variable", () => {
    expect(run("${constructor}").missing).toEqual([{ name: "constructor", path: "text" }]);
  });

  it("keeps an SDK's object as it is", () => {
    const credential = new (class Credential {
      getToken = () => "${A}";
    })();
    expect(run(credential).document.text).toBe(credential);
  });
});
