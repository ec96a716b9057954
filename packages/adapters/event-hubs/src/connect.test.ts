import { expect, it } from "vitest";
import { openCheckpoints } from "./checkpoints.ts";
import { connect } from "./connect.ts";
import type { CheckpointOptions, EventHubsOptions } from "./options.ts";

const SECRET = "c4nary5ecret";
const ENDPOINT = "Endpoint=sb://shop.servicebus.windows.net/";
const KEY = `SharedAccessKeyName=n;SharedAccessKey=${SECRET}`;
const sas = (expiry: number) => `SharedAccessSignature sr=sb%3A%2F%2Fshop&sig=${SECRET}&se=${expiry}&skn=n`;
const token = { getToken: async () => null };

it.each<[EventHubsOptions, RegExp]>([
  [{}, /no credentials/],
  [{ connectionString: "" }, /is empty/],
  [{ connectionString: `${ENDPOINT};${KEY}`, credential: token }, /more than one way/],
  [{ connectionString: `${KEY}` }, /has no Endpoint/],
  [{ connectionString: `Endpoint=https://x;${KEY}` }, /no sb:/],
  [{ connectionString: `${ENDPOINT};SharedAccessKey=${SECRET}` }, /no SharedAccessKeyName/],
  [{ connectionString: `${ENDPOINT};SharedAccessKeyName=n` }, /no SharedAccessKey/],
  [{ connectionString: `${ENDPOINT};${KEY};nonsense` }, /not name=value/],
  [{ connectionString: `${ENDPOINT};SharedAccessSignature=${SECRET}` }, /does not begin/],
  [{ connectionString: `${ENDPOINT};${KEY};SharedAccessSignature=SharedAccessSignature x` }, /has both/],
  [{ connectionString: `${ENDPOINT};SharedAccessSignature=${sas(1_000_000_000)}` }, /expired at 2001-09-09T01:46:40/],
  [
    { fullyQualifiedNamespace: "shop.servicebus.windows.net", credential: { signature: sas(1) } as never },
    /expired at 1970/,
  ],
  [{ connectionString: `${ENDPOINT};${KEY};EntityPath=other` }, /for the hub other only/],
  [{ fullyQualifiedNamespace: "shop.servicebus.windows.net" }, /needs a credential/],
  [{ credential: token }, /needs fullyQualifiedNamespace/],
  [{ fullyQualifiedNamespace: "sb://shop/", credential: token }, /no host name/],
  [{ fullyQualifiedNamespace: "shop", credential: { nothing: SECRET } as never }, /is neither/],
])("refuses a way in: %#", (options, message) => {
  let error: unknown;
  try {
    connect(options, 1_000).producer("orders");
  } catch (thrown) {
    error = thrown;
  }
  expect(String(error)).toMatch(message);
  expect(error).toMatchObject({ code: "WB_EVENT_HUBS_CREDENTIALS" });
  expect(JSON.stringify(error) + String(error)).not.toContain(SECRET);
  expect((error as Error).cause).toBeUndefined();
});

it("makes clients for each way in, and connects none", () => {
  for (const options of [
    { connectionString: `${ENDPOINT};${KEY}` },
    { connectionString: `${ENDPOINT};${KEY};EntityPath=orders` },
    { connectionString: `${ENDPOINT};SharedAccessSignature=${sas(4_000_000_000)}` },
    { fullyQualifiedNamespace: "shop.servicebus.windows.net", credential: token },
    { fullyQualifiedNamespace: "shop.servicebus.windows.net", credential: { name: "n", key: SECRET } },
  ]) {
    const client = connect(options, 1_000).producer("orders");
    expect([client.fullyQualifiedNamespace, client.eventHubName]).toEqual(["shop.servicebus.windows.net", "orders"]);
  }
});

it.each<[unknown, RegExp]>([
  [5, /no object/],
  [{}, /0 of its three forms/],
  [{ connectionString: "x", store: {} }, /2 of its three forms/],
  [{ store: {} }, /lacks methods/],
  [{ connectionString: `AccountKey=${SECRET}` }, /not understood/],
  [{ containerUrl: `no url ${SECRET}` }, /not understood/],
])("refuses a place for checkpoints: %#", (options, message) => {
  let error: unknown;
  try {
    openCheckpoints(options as CheckpointOptions);
  } catch (thrown) {
    error = thrown;
  }
  expect(String(error)).toMatch(message);
  expect(JSON.stringify(error) + String(error)).not.toContain(SECRET);
});
