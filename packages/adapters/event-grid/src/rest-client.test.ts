import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createRestClient } from "./rest-client.ts";

it("leaves no connection behind with each client that was used and given up", async () => {
  let connections = 0;
  const server = createServer((_request, response) => response.end("{}")).on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const endpoint = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (let round = 0; round < 10; round++) {
      const call = createRestClient({ endpoint, insecure: true, secret: { key: "a2V5" } }, {});
      expect(await call({ path: "/topics/orders:publish" }, AbortSignal.timeout(5_000))).toEqual({});
    }
    expect(connections).toBe(1);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
