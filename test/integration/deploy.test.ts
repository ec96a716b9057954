// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how config files refer to variables
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@waybill/config";
import { expect, it } from "vitest";
import { parseAllDocuments } from "yaml";

const ROOT = join(import.meta.dirname, "../..");
const BIN = join(ROOT, "packages/cli/bin/waybill.js");
const documents = parseAllDocuments(readFileSync(join(ROOT, "docs/deploy/kubernetes.yaml"), "utf8"));
const byKind = new Map(
  documents.map((document) => {
    expect(document.errors).toEqual([]);
    const value = document.toJS() as { kind: string } & Record<string, never>;
    return [value.kind, value as unknown as Manifest];
  }),
);

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly args: string[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
}
interface Manifest {
  readonly data: Record<string, string>;
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: Container[];
        readonly initContainers: Container[];
      };
    };
  };
}

const pod = byKind.get("Deployment")!.spec.template.spec;

/** What the command says of itself; an unknown one answers with the list of all. */
const accepts = (args: readonly string[]) =>
  execFileSync(process.execPath, [BIN, ...args, "--help"], { encoding: "utf8", cwd: ROOT });

it("the Kubernetes example starts two relays whose arguments and probes exist", () => {
  expect(byKind.get("Deployment")!.spec.replicas).toBe(2);
  const [relay] = pod.containers as [Container];
  const [migrate] = pod.initContainers as [Container];
  const help = accepts(relay.args);
  for (const option of relay.args.filter((arg) => arg.startsWith("--"))) expect(help).toContain(option);
  expect(accepts(migrate.args)).toContain("outbox migrate");
  expect(relay.livenessProbe.httpGet.path).toBe("/healthz");
  for (const probe of [relay.startupProbe, relay.readinessProbe]) expect(probe.httpGet.path).toBe("/readyz");
  const drain = Number(/^(\d+)s$/.exec(relay.args.at(relay.args.indexOf("--drain-timeout") + 1) ?? "")?.[1]);
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(drain + 2);
});

it("its configuration is one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "waybill-deploy-"));
  const file = join(folder, "waybill.config.yaml");
  writeFileSync(file, byKind.get("ConfigMap")!.data["waybill.config.yaml"] as string);
  const env = { KAFKA_BROKERS: "kafka:9092", DATABASE_URL: "postgres://shop:secret@db/shop" };
  const { config } = await loadConfig({ file, env });
  expect(config).toMatchObject({ prefix: "prod", outbox: { store: "postgres", migrate: false } });
  rmSync(folder, { recursive: true });
});

it("the container runs the same command", () => {
  const text = readFileSync(join(ROOT, "docs/deploy/Containerfile"), "utf8");
  const command = JSON.parse(/^CMD (.*)$/m.exec(text)?.[1] ?? "") as string[];
  expect(command).toEqual(pod.containers[0]?.args);
  expect(text).toMatch(/^ENTRYPOINT \["node", "node_modules\/waybill\/bin\/waybill\.js"\]$/m);
});
