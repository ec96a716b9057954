import { AzureKeyCredential, EventGridPublisherClient } from "@azure/eventgrid";
import { describe, expect, it } from "vitest";
import { type EventGridEmulator, eventually, open, webhook } from "./emulator-event-grid.fixture.ts";

const MAPPING = {
  inputSchemaMappingType: "Json",
  properties: {
    eventType: { sourceField: "kind" },
    subject: { sourceField: "about", defaultValue: "unknown" },
    dataVersion: { defaultValue: "1.0" },
  },
} as const;
const topic = { name: "orders", inputSchema: "CustomEventSchema", inputSchemaMapping: MAPPING } as const;

const send = (emulator: EventGridEmulator, ...events: Record<string, unknown>[]) =>
  new EventGridPublisherClient(emulator.topicEndpoint("orders"), "Custom", new AzureKeyCredential(emulator.key), {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  }).send(events);

describe("events in the publisher's own schema", () => {
  // fidelity event-grid: topics with a custom input schema
  it("are delivered mapped to the Event Grid schema, as CloudEvents, or as they came", async () => {
    const hooks = await Promise.all([webhook(), webhook(), webhook()]);
    const [mapped, cloud, asTheyCame] = hooks;
    const schemas = [undefined, "CloudEventSchemaV1_0", "CustomInputSchema"] as const;
    const emulator = await open({
      topics: [
        {
          ...topic,
          subscriptions: schemas.map((eventDeliverySchema, at) => ({
            name: `schema-${at}`,
            eventDeliverySchema,
            destination: { endpointType: "WebHook", endpointUrl: hooks[at]!.url },
          })),
        },
      ],
    });
    const event = { kind: "placed", about: "o-1", total: { amount: 7 } };
    await send(emulator, event);
    const first = await mapped.next(0);
    expect(JSON.parse(first.body)).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        topic: expect.stringMatching(/\/topics\/orders$/),
        eventTime: expect.stringMatching(/Z$/),
        eventType: "placed",
        subject: "o-1",
        dataVersion: "1.0",
        metadataVersion: "1",
        data: event,
      },
    ]);
    expect(first.headers).toMatchObject({ "aeg-data-version": "1.0", "aeg-metadata-version": "1" });
    expect(JSON.parse((await cloud.next(0)).body)).toMatchObject({
      specversion: "1.0",
      type: "placed",
      source: expect.stringMatching(/\/topics\/orders$/),
      data: event,
    });
    const last = await asTheyCame.next(0);
    expect(JSON.parse(last.body)).toEqual([event]);
    expect(last.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(asTheyCame.requests[0]!.headers["aeg-event-type"]).toBe("SubscriptionValidation");
  });

  // fidelity event-grid: topics with a custom input schema
  it("get the default where the member is missing, and are refused where there is none", async () => {
    const subjects: unknown[] = [];
    const emulator = await open({
      topics: [
        {
          ...topic,
          subscriptions: [
            {
              name: "all",
              filter: { advancedFilters: [{ operatorType: "NumberGreaterThan", key: "data.total", value: 5 }] },
              destination: {
                endpointType: "ServiceBusQueue",
                send: async ({ body }) => void subjects.push(...JSON.parse(`[${body}]`)),
              },
            },
          ],
        },
      ],
    });
    await send(emulator, { kind: "placed", total: 7 }, { kind: "placed", total: 3 });
    await eventually(() => subjects.length > 0);
    expect(subjects).toMatchObject([[{ subject: "unknown", data: { total: 7 } }]].flat());
    await expect(send(emulator, { about: "o-1", total: 9 })).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining("eventType"),
    });
    expect(subjects).toHaveLength(1);
  });

  // fidelity event-grid: topics with a custom input schema
  it("need a mapping, and other schemas cannot be delivered as one", async () => {
    await expect(open({ topics: [{ name: "orders", inputSchema: "CustomEventSchema" }] })).rejects.toThrow(
      /needs 'eventType'/,
    );
    const destination = { endpointType: "ServiceBusQueue", send: async () => undefined } as const;
    const subscriptions = [{ name: "all", eventDeliverySchema: "CustomInputSchema", destination } as const];
    for (const inputSchema of ["CloudEventSchemaV1_0", "EventGridSchema"] as const)
      await expect(open({ topics: [{ name: "orders", inputSchema, subscriptions }] })).rejects.toThrow(
        /cannot be delivered as CustomInputSchema/,
      );
  });
});
