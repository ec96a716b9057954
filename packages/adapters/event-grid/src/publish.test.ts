import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { publishToNamespace, publishToTopic } from "./publish.ts";
import { createRestClient } from "./rest-client.ts";

/** The requests that arrive where `base` points. */
async function service() {
  const requests: { url: string; headers: NodeJS.Dict<string | string[]>; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    requests.push({ url: request.url!, headers: request.headers, body });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { requests, base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const { signal } = new AbortController();
const documents = ['{"id":"1","data":12345678901234567890}', '{ "id":"2","data":"ü" }'].map((text) =>
  Buffer.from(text),
);
const batch = {
  "content-type": "application/cloudevents-batch+json; charset=utf-8",
  "content-length": String(documents[0]!.length + documents[1]!.length + 3),
};

it("sends documents byte for byte to a custom topic, a domain and a namespace topic, each with its own signature", async () => {
  const { requests, base } = await service();
  const endpoint = new URL(`${base}/api/events`);
  const access = { endpoint, insecure: true };
  await publishToTopic({ ...access, secret: { key: "a2V5" } }, {})(documents, signal);
  await publishToTopic({ ...access, secret: { sas: "r=1&e=2&s=3" } }, {})(documents, signal);
  const namespace = { endpoint: new URL(base), insecure: true };
  const withKey = createRestClient({ ...namespace, secret: { key: "a2V5" } }, {});
  await publishToNamespace(withKey, "orders")(documents, signal);
  const withSas = createRestClient({ ...namespace, secret: { sas: "r=1&e=2&s=3" } }, {});
  await publishToNamespace(withSas, "orders")([], signal);
  const [custom, domain, ofNamespace, empty] = requests;
  const body = '[{"id":"1","data":12345678901234567890},{ "id":"2","data":"ü" }]';
  expect(custom).toMatchObject({ url: "/api/events?api-version=2018-01-01", body });
  expect(custom!.headers).toMatchObject({ ...batch, "aeg-sas-key": "a2V5" });
  expect(domain).toMatchObject({ url: "/api/events?api-version=2018-01-01", body });
  expect(domain!.headers).toMatchObject({ ...batch, "aeg-sas-token": "r=1&e=2&s=3" });
  expect(ofNamespace).toMatchObject({ url: "/topics/orders:publish?api-version=2024-06-01", body });
  expect(ofNamespace!.headers).toMatchObject({ ...batch, authorization: "SharedAccessKey a2V5" });
  expect(empty).toMatchObject({ body: "[]", headers: { authorization: "SharedAccessSignature r=1&e=2&s=3" } });
});

it("gives each of several requests at once its own documents", async () => {
  const { requests, base } = await service();
  const publish = publishToTopic({ endpoint: new URL(base), insecure: true, secret: { key: "a2V5" } }, {});
  const texts = Array.from({ length: 20 }, (_, n) => `{"id":"${n}"}`);
  await Promise.all(texts.map((text) => publish([Buffer.from(text)], signal)));
  expect(requests.map(({ body }) => body).sort()).toEqual(texts.map((text) => `[${text}]`).sort());
  expect(requests.some(({ headers }) => "waybill-batch" in headers)).toBe(false);
});
