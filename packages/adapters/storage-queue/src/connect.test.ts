import { inspect } from "node:util";
import { StorageSharedKeyCredential } from "@azure/storage-queue";
import { expect, it } from "vitest";
import { connect } from "./connect.ts";
import type { StorageQueueOptions } from "./options.ts";

const SECRET = "c2VjcmV0LXZhbHVlLW9mLWEta2V5";
const endpoint = "https://shop.queue.core.windows.net";
const key = new StorageSharedKeyCredential("shop", SECRET);
const token = { getToken: async () => null };

it.each([
  [
    "account string",
    {
      connectionString: `DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=${SECRET};EndpointSuffix=core.windows.net`,
    },
  ],
  [
    "account string without the parts that have one value",
    { connectionString: `AccountName=shop;AccountKey=${SECRET}` },
  ],
  ["SAS string", { connectionString: `QueueEndpoint=${endpoint};SharedAccessSignature=sv=2024-01-01&sig=${SECRET}` }],
  ["endpoint and key", { endpoint, credential: key }],
  ["endpoint and token", { endpoint, credential: token }],
  ["SAS address", { sasUrl: `${endpoint}?sv=2024-01-01&sig=${SECRET}` }],
])("takes %s", (_name, options) => {
  expect(connect(options as StorageQueueOptions).url).toContain(endpoint);
});

it("takes the development account", () => {
  expect(connect({ connectionString: "UseDevelopmentStorage=true" }).url).toContain("127.0.0.1:10001/devstoreaccount1");
});

it.each([
  ["nothing", {}, "no credentials"],
  [
    "two ways",
    { connectionString: `AccountName=a;AccountKey=${SECRET}`, sasUrl: `${endpoint}?sig=${SECRET}` },
    "more than one",
  ],
  ["endpoint alone", { endpoint }, "needs a credential"],
  ["credential alone", { credential: key }, "needs an endpoint"],
  ["SAS given as endpoint", { endpoint: `${endpoint}?sig=${SECRET}`, credential: key }, "no query"],
  ["address without signature", { sasUrl: `${endpoint}?sv=${SECRET}` }, "no signature"],
  ["no address", { sasUrl: `shop?sig=${SECRET}` }, "no http or https address"],
  ["token over http", { endpoint: "http://shop.queue.core.windows.net", credential: token }, "https"],
  ["no credential at all", { endpoint, credential: { key: SECRET } }, "neither"],
  ["the bare key", { connectionString: SECRET }, "not name=value"],
  ["no key", { connectionString: "AccountName=shop" }, "no AccountKey"],
  ["no account", { connectionString: `AccountKey=${SECRET}` }, "no AccountName"],
  ["a cut-off key", { connectionString: `AccountName=shop;AccountKey=${SECRET.slice(0, -1)}!` }, "not Base64"],
  ["a SAS without endpoint", { connectionString: `SharedAccessSignature=sig=${SECRET}` }, "no QueueEndpoint"],
  [
    "an unusable endpoint",
    { connectionString: `AccountName=a;AccountKey=${SECRET};QueueEndpoint=${SECRET}` },
    "QueueEndpoint",
  ],
])("refuses %s in a sentence that holds no secret", (_name, options, said) => {
  let error: unknown;
  try {
    connect(options as StorageQueueOptions);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: "WB_STORAGE_QUEUE_CREDENTIALS", message: expect.stringContaining(said) });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(SECRET.slice(0, -2));
});
